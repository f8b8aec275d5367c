"""The live view keeps to the screen: nothing is wider than the terminal, cut, or broken within a word."""

import io
from collections.abc import Iterator

import pytest
from command import Infertune
from rich.console import Console

from infertune import plugins
from infertune.report.live import Status, View, folded
from infertune.report.plot import text_plot
from infertune.testing import FakeEngine

FACTS = "50,760 of 120,000 tokens, 21 trials, 1,234 tokens/s, 2 min 05 s left at most"
FOUND = "best so far 0.390 by the search's own examples, at 82 tokens per request: "
SETTINGS = "temperature=1.5  top_p=0.5  top_k=50  repetition_penalty=1.1  prompt=capitals-chat-brief  voter=majority"


def status() -> Status:
    front = [(57.0, 0.097), (81.8, 0.39)]
    return Status(
        phase="search",
        share=0.423,
        facts=FACTS,
        best=FOUND + SETTINGS,
        picture=lambda width: text_plot({"front": front}, width=width, height=8),
    )


def shown(*, width: int, height: int = 24, latest: Status | None = None) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None, markup=False
    )
    view = View(console)
    view.update(lambda: latest or status())
    with console.capture() as capture:
        console.print(view)
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("width", [40, 50, 80, 120])
def test_it_keeps_to_the_screen_and_breaks_no_word(width: int) -> None:
    lines = shown(width=width)
    assert max(map(len, lines)) <= width
    assert len(lines) <= 24
    text = "\n".join(lines)
    assert "…" not in text and "..." not in text
    words = [word for line in lines for word in line.split()]
    for word in (FACTS + " " + FOUND + SETTINGS).split():
        assert word in words
    assert lines[0].startswith("search") and " 42%" in lines[0]
    axis = next(line for line in lines if "+---" in line)
    assert len(axis) == min(width, 69)
    assert any("tokens per request" in line for line in lines[-1:])


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_fact_stays_whole(width: int) -> None:
    lines = shown(width=width)
    for fact in FACTS.split(", "):
        assert any(fact in line for line in lines), f"'{fact}' is torn apart"


def test_facts_stand_beside_the_bar_where_there_is_room_and_below_it_otherwise() -> None:
    assert shown(width=120)[0].endswith(FACTS)
    assert shown(width=80)[:2] == [shown(width=80)[0], FACTS]
    assert shown(width=50)[1:3] == ["50,760 of 120,000 tokens, 21 trials,", "1,234 tokens/s, 2 min 05 s left at most"]


def test_a_low_screen_has_no_picture() -> None:
    lines = shown(width=80, height=10)
    assert len(lines) <= 10
    assert not any("+---" in line for line in lines)
    assert any("voter=majority" in line for line in lines)


def test_what_is_wider_than_the_screen_is_broken_all_the_same() -> None:
    path = "model=" + "very-long-name/" * 6
    lines = folded(f"loading {path}", 30)
    assert max(map(len, lines)) <= 30
    assert "".join(lines).replace(" ", "") == f"loading{path}"


def test_a_status_without_more_is_one_line() -> None:
    lines = shown(width=80, latest=Status(phase="confirm", share=1.2, facts="3 of 4 requests"))
    assert len(lines) == 1
    assert "120%" in lines[0] and "3 of 4 requests" in lines[0]


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    load = plugins.load

    class Fake(FakeEngine):
        def __init__(self, model: str) -> None:
            super().__init__()

    monkeypatch.setattr(plugins, "load", lambda kind, name: Fake if name == "fake" else load(kind, name))
    yield


@pytest.mark.parametrize("columns", [50, 80])
def test_the_plot_of_the_answer_fits_as_well(
    infertune: Infertune, monkeypatch: pytest.MonkeyPatch, fake_engine: None, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = infertune("optimize", "--task", "capitals", "--engine", "fake", "--budget-tokens", "20k", "--set", "n=1")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    top, axis = lines.index("utility"), next(n for n, line in enumerate(lines) if "+---" in line)
    assert max(map(len, lines[top : axis + 2])) == min(columns, 69)
    numbers = [float(line.partition("|")[0]) for line in lines[top:axis] if line.partition("|")[0].strip("utiy l")]
    assert 0 <= min(numbers) < max(numbers) <= 1
