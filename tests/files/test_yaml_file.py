import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.files.yaml_file import dump, parse, plain, read, write


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    depth: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    rate: float | None = None
    words: tuple[str, ...] = ()
    inner: dict[str, Inner] = {}
    flag: bool = False


def test_a_file_becomes_a_struct(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "name: x\nrate: 1e-3\nwords: [yes, no, on, 2020-01-01]\nflag: true\ninner: {a: {depth: 2}}"
    )
    assert read(tmp_path / "a.yaml", Outer) == Outer(
        "x", 0.001, ("yes", "no", "on", "2020-01-01"), {"a": Inner(2)}, True
    )


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), (".5", 0.5), ("1e5", 1e5), ("-2E+3", -2000.0), ("3", 3.0)])
def test_numbers_are_those_of_yaml_1_2(text, value):
    assert parse(f"rate: {text}", Outer, where="x").rate == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nam: x", r"x: unknown key 'nam'; did you mean 'name'"),
        ("inner: {a: {dept: 1}}", r"x: unknown key 'dept' under 'inner.*'; did you mean 'depth'"),
        ("inner: {a: {name: 1}}", r"x: unknown key 'name' under 'inner.*'; valid: depth$"),
        ("name: 3", r"x: 'name' must be text, but is 3; quote it"),
        ("[1]", r"x: must be a mapping with keys such as name, rate, words, but is a list"),
        ("", r"x: must be a mapping with keys such as name, rate, words, but is empty"),
        ('name: "\\ud83d"', r"x: 'name' holds half a character: the lone surrogate \\ud83d"),
        ("name: 'x", r"x, line 1: not valid YAML"),
        ("name: x\n\tflag: true", r"x, line 2: not valid YAML"),
        ("name: x\nname: y", r"x, line 2: not valid YAML: the key 'name' is given twice"),
        ("name: !!python/object:os.system x", r"x, line 1: not valid YAML"),
        ("name: \0", r"x.*: not valid YAML"),
        ("? [a, b]\n: 1", r"x.*: not valid YAML"),
    ],
)
def test_what_does_not_fit_is_one_message(text, problem):
    with pytest.raises(InvalidInputError, match=problem):
        parse(text, Outer, where="x")


def test_what_cannot_be_read_is_one_message(tmp_path):
    with pytest.raises(InvalidInputError, match=r"none.yaml cannot be read: No such file or directory"):
        read(tmp_path / "none.yaml", Outer)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInputError, match=r"b.yaml, line 1: must be UTF-8"):
        read(tmp_path / "b.yaml", Outer)


@given(st.text())
def test_any_text_is_a_value_or_one_message(text):
    try:
        assert isinstance(parse(text, Outer, where="x"), Outer)
    except InvalidInputError:
        pass


ODD = st.sampled_from(
    ["1e3", "-.5", "no", "true", "null", "~", "0x1f", "1_000", "12:30", "2020-01-01", "- a", "a: b", "#"]
)
TEXTS = st.text() | ODD | st.text("a \n:#-'{}|>")


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8))
def test_what_is_written_is_read_back(value):
    assert plain(dump(value), where="x") == value
    assert plain(dump(value, one_line=True), where="x") == value


@given(TEXTS, TEXTS)
def test_more_can_be_written_below(one, other):
    assert plain(dump({"a": one}) + dump({"b": other}), where="x") == {"a": one, "b": other}
    line = dump({"a": one}, one_line=True)
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "1e-3",
        "1_000",
        "0o17",
        "yes",
        "~",
        "",
        " a\n b",
        "a\n\n",
        "a \nb",
        "\n",
        "a\x85b\nc",
        "a\u2028b",
        "a\tb\n\tc",
        "\0",
    ],
)
@pytest.mark.parametrize("make", [lambda text: Outer(text, words=(text, text)), lambda text: Outer(words=(text,))])
def test_a_text_comes_back_as_it_was_written(tmp_path, text, make):
    write(tmp_path / "a.yaml", make(text), head="# a\n")
    assert read(tmp_path / "a.yaml", Outer) == make(text)


@given(st.text())
def test_any_text_comes_back_as_it_was_written(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "a.yaml"
    write(path, Outer(text, words=(text,), inner={text: Inner()}), head="")
    assert read(path, Outer) == Outer(text, words=(text,), inner={text: Inner()})


def test_several_lines_are_written_as_lines(tmp_path):
    write(tmp_path / "a.yaml", Outer("Question: {question}\nAnswer:"), head="")
    assert "name: |-\n  Question: {question}\n  Answer:\n" in (tmp_path / "a.yaml").read_text()
