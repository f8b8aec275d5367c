"""Fields of a request added, renamed and left out, by the user or because a server refuses them."""

import pytest

from infertune.errors import InvalidInputError
from infertune.load.fields import Fields, parse
from infertune.load.fitted_fields import fitted, hint
from infertune.load.timing import Timing

BODY = {"model": "m", "prompt": "x", "max_tokens": 5, "stream_options": {}, "ignore_eos": True, "temperature": 0}


def test_what_is_said_is_sent() -> None:
    fields = parse(
        '{"top_k": 3, "ignore_eos": null, "temperature": 0.5}', ["max_tokens=max_completion_tokens", "top_k=k"]
    )
    assert fields.applied(BODY) == {
        "model": "m",
        "prompt": "x",
        "max_completion_tokens": 5,
        "stream_options": {},
        "temperature": 0.5,
        "k": 3,
    }
    assert Fields().applied(BODY) == BODY


@pytest.mark.parametrize(
    ("extra", "renames", "message"),
    [
        ("[]", [], "must be a JSON object, not []"),
        ("{", [], "must be a JSON object, not {: Expecting property name"),
        ('{"a": 1, "a": 2}', [], "the key 'a' is given twice"),
        ('{"": 1}', [], "must name its fields by letters"),
        ('{"a b": 1}', [], "must name its fields by letters, digits, '_', '-' and '.', but has 'a b'"),
        ('{"ignore_eoss": null}', [], "leaves out 'ignore_eoss', which is not sent; did you mean 'ignore_eos'?"),
        (None, ["max_token=x"], "'max_token' is not sent; did you mean 'max_tokens'?"),
        ('{"a": [NaN]}', [], "finite numbers"),
        ('{"a": 1e999}', [], "finite numbers"),
        ('{"a": "\\ud83d"}', [], "half a character"),
        ("[" * 3000, [], "nested too deep"),
        *(
            (f'{{"{name}": 1}}', [], f"must not hold '{name}'")
            for name in ("model", "messages", "prompt", "stream", "n")
        ),
        (None, ["max_tokens"], "rename must be FIELD=NAME"),
        (None, ["=x"], "rename must be FIELD=NAME"),
        (None, ["a=b c"], "rename must be FIELD=NAME"),
        (None, ["max_tokens=b", "max_tokens=c"], "two names"),
        (None, ["max_tokens=b", "temperature=b"], "must keep its name"),
        (None, ["prompt=text"], "'prompt' must keep its name"),
        (None, ["max_tokens=model"], "'model' must keep its name"),
        ('{"top_k": 3}', ["max_tokens=top_k"], "'top_k' must keep its name"),
    ],
)
def test_nonsense_is_refused(extra: str | None, renames: list[str], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(extra, renames)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def timing(error: str) -> Timing:
    return Timing(
        due=0, sent=0, chunks=() if error else (1,), done=2, prompt_tokens=1, completion_tokens=1, error=error
    )


class Server:
    """Refuses some fields, with words that may name one."""

    def __init__(self, refused: set[str], words: str = "{}", status: int = 400) -> None:
        self.refused, self.words, self.status = refused, words, status
        self.n_asked = 0

    def __call__(self, fields: Fields) -> Timing:
        self.n_asked += 1
        wrong = sorted(self.refused & fields.applied(BODY).keys())
        return timing(f"HTTP {self.status}: {self.words.format(wrong[0])}" if wrong else "")


@pytest.mark.parametrize("words", ["no field {}", "extra inputs are not permitted"])
@pytest.mark.parametrize(
    "refused",
    [set(), {"ignore_eos"}, {"stream_options"}, {"ignore_eos", "stream_options"}],
    ids=["none", "ignore_eos", "stream_options", "both"],
)
def test_what_a_server_refuses_is_left_out_and_told(refused: set[str], words: str) -> None:
    server = Server(refused, words)
    found = fitted(Fields(), server(Fields()), server)
    assert found.fields.applied(BODY).keys() == BODY.keys() - refused
    assert len(found.notes) == len(refused)
    assert all(any(f"'{name}'" in note for note in found.notes) for name in refused)


def test_the_newer_name_of_the_limit_is_taken_where_it_is_wanted() -> None:
    server = Server({"max_tokens"}, "use 'max_completion_tokens' instead of '{}'")
    found = fitted(Fields(), server(Fields()), server)
    assert found.fields.applied(BODY)["max_completion_tokens"] == 5
    assert "max_tokens" not in found.fields.applied(BODY)


@pytest.mark.parametrize(("status", "most"), [(401, 1), (500, 1), (400, 6)])
def test_other_failures_change_nothing(status: int, most: int) -> None:
    server = Server({"model"}, "no", status)
    found = fitted(Fields(), server(Fields()), server)
    assert (found.fields, found.notes) == (Fields(), ())
    assert server.n_asked <= most


def test_a_refusal_says_which_option_mends_it() -> None:
    assert hint("HTTP 400: unknown ignore_eos") == """; `extra_body` '{"ignore_eos": null}' leaves it out"""
    assert "`rename` max_tokens=max_completion_tokens" in hint("HTTP 400: use max_completion_tokens")
    assert hint("HTTP 500: ignore_eos") == hint("ConnectError: ignore_eos") == hint("HTTP 400: no") == ""
