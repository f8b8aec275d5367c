"""What no option can be, whatever it is for, is refused in one line before anything begins."""

import pytest
from command import Infertune

from infertune.engines.start import checked
from infertune.errors import InvalidInputError

LONG = "x" * 300
STUDY = ("optimize", "--task", "capitals", "--engine", "openai", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")
BOUGHT = (*STUDY, "--budget-tokens", "9k")
PRICED = ("--price-prompt", "1", "--price-completion", "1")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*STUDY, "--budget-tokens", "9" * 400), "--budget-tokens must be a number of tokens such as 40000"),
        ((*STUDY, "--budget-seconds", "9" * 400), "--budget-seconds must be a duration such as 90s"),
        ((*STUDY, *PRICED, "--budget-money", "inf"), "'--budget-money': must be a finite number, but is inf"),
        ((*STUDY, *PRICED, "--budget-money", "nan"), "'--budget-money': must be a finite number, but is nan"),
        ((*BOUGHT, "--price-prompt", "-1", "--price-completion", "1"), "must be at least 0, but is -1.0"),
        ((*BOUGHT, "--price-prompt", "inf", "--price-completion", "1"), "must be a finite number"),
        ((*BOUGHT, "--max-cost-tokens", "inf"), "must be a finite number"),
        ((*BOUGHT, "--study", LONG), "'--study': must be 1 to 150 bytes of printable characters"),
        ((*BOUGHT, "--study", "a\nb"), "'--study': must be 1 to 150 bytes of printable characters"),
        ((*BOUGHT, "--db", LONG), "'--db': File name too long"),
        ((*BOUGHT, "--db", "postgresql://u:secret:x/y"), "must look like postgresql://host/name"),
        ((*BOUGHT, "--out", f"{LONG}.yaml"), "'--out': File name too long"),
        ((*BOUGHT, "--out", "\udc80.yaml"), "must be a name in UTF-8"),
        ((*BOUGHT, "--seed", "9" * 300), "'--seed'"),
        ((*BOUGHT, "--extra-body", '{"prompt": "x"}'), "--extra-body must not hold 'prompt', which infertune sets"),
        ((*BOUGHT, "--extra-body", '{"seed": 1}'), "--extra-body must not hold 'seed', which infertune sets"),
        ((*BOUGHT, "--extra-body", '{"temperature": 1}'), "(--set fixes a setting)"),
        ((*BOUGHT, "--extra-body", "[" * 3000), "nested too deep"),
        ((*BOUGHT, "--api-key-file", "sk-secret-0123"), "--api-key-file must name a file that holds the key, but"),
        ((*BOUGHT, "--api-key-file", LONG), "File name too long"),
        ((*BOUGHT, "--study", ""), "'--study': must be 1 to 150 bytes"),
        (("handover", "x.yaml", "--host", "a&b"), "'--host': must be an address or the name of a host"),
        (("handover", "x.yaml", "--image", "a b:1"), "'--image': must be the name of an image"),
        (("handover", "x.yaml", "--model", "a\nb"), "'--model': must be one line"),
        (("tasks", "check", "\udc80.yaml"), "must be a name in UTF-8"),
        (("tasks", "check", f"{LONG}.yaml"), "File name too long"),
        (("tasks", "new", "mine", "--from", LONG), "File name too long"),
        (("space", "--task", "capitals", "--set", "n=" + "9" * 300), "must be a whole number"),
        (("space", "--task", "capitals", "--set", LONG), "--set must be NAME=VALUES"),
        (("load", "--model", "m", "--base-url", "http://["), "--base-url must be a URL such as"),
        (("load", "--model", "m", "--base-url", "http://" + LONG), "--base-url must be a URL such as"),
    ],
)
def test_one_line(infertune: Infertune, words: tuple[str, ...], message: str) -> None:
    found = infertune(*words)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert "Traceback" not in found.err
    assert "secret" not in found.err
    assert max(map(len, found.err.splitlines())) < 700


def test_what_others_wrote_commands_nothing_in_a_terminal(infertune: Infertune) -> None:
    found = infertune("space", "--task", "capitals", "--set", "temperature=\x1b[2J\u202e")
    assert found.code == 2
    assert "\\x1b[2J\\u202e" in found.err
    assert found.err.isprintable() or found.err.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": "many"}, "concurrency must be a whole number, but is 'many'"),
        ({"concurrency": True}, "concurrency must be a whole number, but is 'True'"),
        ({"base_url": 3}, "base_url must be a text, but is '3'"),
        ({"seeds_safe": 1}, "seeds_safe must be true or false, but is '1'"),
        ({"extra_body": '{"n": 3}'}, "extra_body must not hold 'n'"),
        ({"speed": 1}, "the engine 'openai' has no speed"),
    ],
)
def test_what_an_answer_file_may_say_of_its_engine(options: dict[str, int | str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        checked("openai", {"base_url": "http://127.0.0.1:9/v1", **options})
