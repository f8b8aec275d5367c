"""The page in a real browser: what a reader does with it, and what a hostile model cannot do to a reader."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paged import HOSTILE, HOSTILE_NAME, chromium, hostile, planted

pytestmark = pytest.mark.long

USUAL = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}

# Where a point of the picture is in the window.
PLACE = """number => {
    const figure = Bokeh.documents[0].roots()[0];
    const view = Bokeh.index.find_one(figure);
    const canvas = document.querySelector('.chart .canvas').getBoundingClientRect();
    const point = JSON.parse(document.getElementById('data').textContent).points[number];
    return [canvas.left + view.frame.x_scale.compute(point.x), canvas.top + view.frame.y_scale.compute(point.y)];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def path(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    return planted(folder).report(folder / "page.html")


class Page:
    """A page that is open, and everything that it said and asked."""

    def __init__(self, browser: Any, path: Path, **settings: Any) -> None:
        self.context = browser.new_context(**(USUAL | settings))
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]")
        self.data = json.loads(self.page.text_content("#data"))

    def place(self, number: int) -> tuple[float, float]:
        self.page.evaluate("document.getElementById('front').scrollIntoView()")
        x, y = self.page.evaluate(PLACE, number)
        return x, y

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    @property
    def colour(self) -> str:
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Page]:
    found = Page(browser, path, color_scheme="light")
    yield found
    assert found.said == []
    assert {each for each in found.asked if not each.startswith("data:")} == {path.as_uri()}
    found.context.close()


def test_the_answer_is_read_first(opened: Page) -> None:
    assert opened.text("h1").startswith("The recommended configuration beats the default by +0.")
    assert "Clear winner" in opened.text("#answer .badge")
    assert opened.page.title() == "planted: infertune report"
    assert "→" in opened.text("#answer .changes")
    for section in ("#front", "#samples-per-answer", "#spending", "#failures", "#environment"):
        assert opened.page.is_visible(section)
    assert opened.page.locator("#samples-per-answer canvas").count() >= 2
    assert "infertune evaluate --config planted.yaml" in opened.text("#environment")


def test_pointing_at_a_point_shows_its_configuration(opened: Page) -> None:
    assert not opened.page.is_visible(".tip")
    opened.page.mouse.move(*opened.place(0))
    opened.page.wait_for_selector(".tip:not([hidden])")
    said = opened.text(".tip")
    assert said.startswith("recommended")
    column = next(each for each in opened.data["settings"] if each["name"] == "temperature")
    at = [each["name"] for each in opened.data["settings"]].index("temperature")
    assert f"temperature\n{column['values'][opened.data['points'][0]['values'][at]]}" in said
    x, y = opened.place(0)
    opened.page.mouse.move(x, y + 900)
    opened.page.wait_for_selector(".tip", state="hidden")


def test_two_clicks_compare_two_points(opened: Page) -> None:
    opened.page.mouse.click(*opened.place(1))
    opened.page.wait_for_selector("#compare >> text=Now choose the other")
    opened.page.mouse.click(*opened.place(0))
    opened.page.wait_for_selector("#compare table")
    assert [opened.page.input_value(f"#pick-{each}") for each in "ab"] == ["1", "0"]
    difference = opened.data["answer"]["difference"]
    assert f"B − A is {difference['mean']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]" in opened.text(
        "#compare"
    )
    first = opened.page.locator("#compare details").first
    first.locator("summary").click()
    first.locator("pre").first.wait_for()
    said = first.inner_text()
    example = next(
        each for each in opened.data["samples"]["of"]["confirm"] if f"\n{each}" in f"\n{said}" or each in said
    )
    held = opened.data["samples"]["of"]["confirm"][example]
    assert held["reference"] in said and opened.data["samples"]["prompts"][0][:10] in said
    assert "A: " in said and "B: " in said
    opened.page.click("#compare >> text=Clear")
    assert opened.page.locator("#compare table").count() == 0


def test_trials_are_compared_on_their_common_examples(opened: Page) -> None:
    trials = [number for number, each in enumerate(opened.data["points"]) if each["kind"] == "trial"]
    sets = {number: set(opened.data["points"][number]["scores"]["tune"][0]) for number in trials}
    a, b = next((a, b) for a in trials for b in trials if a < b and len(sets[a] & sets[b]) >= 2)
    opened.page.select_option("#pick-a", str(a))
    opened.page.select_option("#pick-b", str(b))
    assert f"On the {len(sets[a] & sets[b])} examples of tune that both answered" in opened.text("#compare")


def test_the_slider_moves_the_choice(opened: Page) -> None:
    choices = opened.data["choices"]
    (mine,) = [each for each in choices if each["recommended"]]
    slider = opened.page.locator("#cap-cost")
    assert opened.text("#cap .choice").startswith("Without a cap: the recommended configuration")
    assert f"utility {mine['y']:.3f}" in opened.text("#cap .choice")
    slider.focus()
    opened.page.keyboard.press("Home")
    assert opened.text("#cap .choice").startswith("Nothing that was tried costs at most")
    for _ in range(2_000):
        opened.page.keyboard.press("ArrowRight")
        within = [each for each in choices if each["x"] <= float(slider.input_value())]
        if within:
            break
    best = mine if mine in within else max(within, key=lambda each: each["y"])
    assert f"{best['y']:.3f} at" in opened.text("#cap .choice")
    assert best["changed"].split("  ")[0] in opened.text("#cap .choice")
    assert "were confirmed" in opened.text("#cap")


def test_dark_and_light(browser: Any, path: Path, opened: Page) -> None:
    light = opened.colour
    opened.page.click("#theme")
    assert opened.colour != light and opened.text("#theme") == "Light"
    opened.page.click("#theme")
    assert opened.colour == light
    other = Page(browser, path, color_scheme="dark")
    assert other.colour != light
    other.context.close()


def test_a_phone_scrolls_in_one_direction_only(browser: Any, path: Path) -> None:
    found = Page(browser, path, viewport={"width": 375, "height": 700}, is_mobile=True, has_touch=True)
    found.page.click("#compare >> text=Default and recommended")
    for summary in found.page.locator("summary").all():
        summary.click()
    wide = found.page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 376).length"
    )
    assert (found.page.evaluate("document.documentElement.scrollWidth"), wide) == (375, 0)
    found.context.close()


def test_the_keyboard_gets_everywhere(opened: Page) -> None:
    reached = set()
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        reached.add(opened.page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"theme", "cap-cost", "pick-a", "pick-b", "SUMMARY", "BUTTON", "A"} <= reached


def test_what_is_printed_is_light_and_unfolded(browser: Any, path: Path) -> None:
    found = Page(browser, path, color_scheme="dark")
    screen = found.colour
    found.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert found.colour != screen
    assert found.page.locator("#failures details pre").first.is_visible()
    found.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert found.colour == screen and not found.page.locator("#failures details pre").first.is_visible()
    found.context.close()


def test_hostile_texts_are_shown_and_do_nothing(browser: Any, tmp_path: Path) -> None:
    path = hostile(tmp_path).report(tmp_path / "page.html")
    found = Page(browser, path)
    assert HOSTILE_NAME in found.text("header") and "<b>model</b>" in found.text("#answer")
    found.page.locator("#failures summary").first.click()
    found.page.wait_for_selector("#failures pre")
    assert HOSTILE.partition("\u2028")[0] in found.text("#failures") and "\\u2028<!-- <b>bold</b>" in found.text(
        "#failures"
    )
    numbers = [number for number, each in enumerate(found.data["points"]) if each["kind"] != "trial"]
    found.page.select_option("#pick-a", str(numbers[0]))
    found.page.select_option("#pick-b", str(numbers[-1]))
    for summary in found.page.locator("#compare summary").all():
        summary.click()
    found.page.mouse.move(*found.place(0))
    assert found.page.evaluate("window.hacked === undefined")
    assert found.page.locator("img, iframe, object, b").count() == 0
    assert found.page.locator("script").count() == 4
    assert found.said == [] and {each for each in found.asked if not each.startswith("data:")} == {path.as_uri()}
    found.context.close()


def test_the_policy_holds_where_a_text_would_get_in(browser: Any, path: Path) -> None:
    found = Page(browser, path)
    failed: list[tuple[str, str | None]] = []
    found.page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    found.page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.hacked = 1';
            const box = document.createElement('div');
            box.innerHTML = '<img src="http://127.0.0.1:9/x" onerror="window.hacked = 2">';
            document.body.append(script, box);
            return fetch('http://127.0.0.1:9/y').catch(() => null);
        }"""
    )
    found.page.wait_for_timeout(200)
    assert found.page.evaluate("window.hacked === undefined")
    assert sum("Content Security Policy" in each for each in found.said) >= 3
    assert {each for each in found.asked if each.startswith("http")} == {url for url, why in failed if why == "csp"}
    found.context.close()
