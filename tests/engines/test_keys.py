"""A key is read from where the user says, and struck out of everything that goes further."""

import copy
import pickle
from pathlib import Path

import pytest

from infertune.engines.endpoint import api_key
from infertune.engines.endpoint.api_key import Key
from infertune.errors import InvalidInputError

SECRET = "sk-very/secret+key=1"


def test_where_a_key_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert api_key.read().headers == {}
    monkeypatch.setenv("OPENAI_API_KEY", "one")
    monkeypatch.setenv("OTHER", "two")
    (tmp_path / "key").write_text("three\n")
    assert api_key.read().headers == {"Authorization": "Bearer one"}
    assert api_key.read(api_key_env="OTHER").headers == {"Authorization": "Bearer two"}
    assert api_key.read(api_key_file=str(tmp_path / "key")).headers == {"Authorization": "Bearer three"}


def test_what_is_no_key_is_one_message_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WITH_BREAK", f"{SECRET}\nX-Header: 1")
    (tmp_path / "empty").write_text("\n")
    wrong = [
        {"api_key_env": "NOT_SET"},
        {"api_key_env": "WITH_BREAK"},
        {"api_key_env": SECRET},  # the key in place of the variable's name
        {"api_key_file": str(tmp_path / "nope")},
        {"api_key_file": SECRET},  # the key in place of the file's name
        {"api_key_file": f"{SECRET}{'x' * 300}"},
        {"api_key_file": f"{SECRET}\x00"},
        {"api_key_file": f"~{SECRET}"},
        {"api_key_file": str(tmp_path / "empty")},
        {"api_key_file": str(tmp_path / "empty"), "api_key_env": "A"},
    ]
    for options in wrong:
        with pytest.raises(InvalidInputError) as error:
            api_key.read(**options)
        assert SECRET not in str(error.value)
        assert error.value.__cause__ is None


def test_a_key_does_not_show_itself() -> None:
    key = Key(SECRET)
    assert SECRET not in repr(key) and SECRET not in str(key) and SECRET not in f"{key}"
    assert not hasattr(key, "__dict__")
    for how in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            how(key)


def test_it_is_struck_out_in_every_form() -> None:
    key = Key(SECRET)
    said = f"Bearer {SECRET}, ?key=sk-very%2Fsecret%2Bkey%3D1"
    assert key.redact(said) == "Bearer [key], ?key=[key]"
    assert Key().redact(said) == said


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:8000/v1", "https://example.com", "http://[::1]:8000/v1", "HTTP://localhost:1/v1"),
        *("http://ä.example/v1", " http://localhost:1/v1 ", f"http://{'a.' * 120}example:1"),
    ],
)
def test_urls_that_can_be_asked(url: str) -> None:
    assert api_key.check_base_url(f"{url.strip()}/") == url.strip()
    assert api_key.check_base_url(url) == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "://",
            "ftp://x",
            "http://",
            "http:///v1",
            "127.0.0.1:8000",
            "http://[",
            "http://[::1",
            "http://a:99999",
        ),
        *(
            "http://a:x",
            "http://a:0",
            "http://a*b",
            f"http://{'a' * 300}",
            f"http://{'a.' * 130}b",
            "http://a..b",
            "http://a b/v1",
        ),
        *("http://\x01", "http://a\nb", "http://a/\x7f", "http://a\u202eb", "http://\udc80", "http://xn--a"),
        *("http://\uff11\uff12.0.0.1", f"http://a/{'a' * 70_000}"),
    ],
)
def test_urls_that_cannot(url: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"base_url must be a URL such as http://127\.0\.0\.1:8000/v1"
    ) as caught:
        api_key.check_base_url(url)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
