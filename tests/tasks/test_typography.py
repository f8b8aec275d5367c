import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from infertune.tasks.jsontext import as_text, objects
from infertune.tasks.typography import plain


@given(st.text())
def test_forms_of_unicode_do_not_matter(text):
    assert plain(unicodedata.normalize("NFD", text)) == plain(unicodedata.normalize("NFC", text))


@given(st.text())
def test_plain_text_is_plain(text):
    assert plain(plain(text)) == plain(text)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_ascii_is_left_alone(text):
    assert plain(text) == text


def test_what_differs_in_more_than_looks_stays_different():
    for one, other in [("5²", "52"), ("½", "1/2"), ("①", "1"), ("é", "e"), ("ß", "ss"), ("а", "a")]:
        assert plain(one) != plain(other)


@given(st.text(alphabet="{}'\":,[]a1 \n\\ud8"))
def test_objects_of_any_text(text):
    for found in objects(text):
        assert isinstance(found, dict)
        assert as_text(found) is None or isinstance(as_text(found), str)


def test_objects_of_hostile_text_end_soon():
    for text in ("{" * 50_000, '{"a":' * 20_000, "{'a':" * 20_000, "{'a'" + " " * 50_000):
        assert list(objects(text)) == []
