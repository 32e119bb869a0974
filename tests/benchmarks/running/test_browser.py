"""Pages of runs in a real, headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sampt.benchmarks.running.comparison import Comparison, write_comparison
from sampt.benchmarks.running.report import write_report
from sampt.benchmarks.running.saved_runs import SavedRun
from sampt.benchmarks.running.strips import StripFrame
from tests.browser import running_chromium

from .runs import frame_scores, record, report
from .test_comparison import make_run

pytestmark = pytest.mark.xdist_group("browser")

SCORES = {"bear": 0.9, "camel-2": 0.05, "camel-10": 0.5}
LONG = "a-sequence-whose-name-is-much-longer-than-a-telephone-is-wide"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """Open a page; what it complains about fails the test."""
    contexts, complaints = [], []

    def open_page(path: Path, width: int = 1280) -> Any:
        contexts.append(chromium.new_context(viewport={"width": width, "height": 800}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def written(tmp_path: Path) -> Path:
    records = [record(name, scores=frame_scores(name, [j, 1.0, j], [0.25])) for name, j in SCORES.items()]
    records[0] = record("bear", size=(96, 160), seconds={"all": 70.0}, scores=records[0].scores)
    strip = (StripFrame("00000", True, b""),)
    write_report(tmp_path / "report.html", report(SCORES, records=records, strip=lambda _: strip))
    return tmp_path / "report.html"


def names(page: Any) -> list[str]:
    rows = page.locator("#sequences-table tbody tr:not(.opened):visible th")
    return [text.strip() for text in rows.all_inner_texts()]


def head(page: Any, name: str) -> Any:
    return page.locator("#sequences-table thead th", has=page.get_by_role("button", name=name, exact=True))


def test_any_column_sorts_the_sequences_both_ways(visit: Any, written: Path) -> None:
    page = visit(written)
    assert names(page) == ["bear", "camel-10", "camel-2"]
    assert head(page, "J&F-Mean").get_attribute("aria-sort") == "descending"
    for column, first, second in (
        ("J&F-Mean", ["camel-2", "camel-10", "bear"], ["bear", "camel-10", "camel-2"]),
        ("sequence", ["bear", "camel-2", "camel-10"], ["camel-10", "camel-2", "bear"]),
        ("size", ["camel-10", "camel-2", "bear"], ["bear", "camel-10", "camel-2"]),
        ("time", ["bear", "camel-10", "camel-2"], ["camel-10", "camel-2", "bear"]),
    ):
        for expected in (first, second):
            head(page, column).get_by_role("button").click()
            assert names(page) == expected, column
        assert page.locator("#sequences-table [aria-sort]").count() == 1


def test_the_keyboard_sorts_and_opens(visit: Any, written: Path) -> None:
    page = visit(written)
    head(page, "sequence").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head(page, "sequence").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="camel-2", exact=True).focus()
    page.keyboard.press("Space")
    slider = page.get_by_role("slider", name="Frame")
    slider.focus()
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "frame 00003"
    readout = " ".join(page.locator(".readout").inner_text().split())
    assert readout == "frame 00003 object 1 J 5.0, F 2.5 object 2 J 25.0, F 12.5"


def test_a_sequence_opens_to_show_every_frame(visit: Any, written: Path) -> None:
    page = visit(written)
    button = page.get_by_role("button", name="camel-2", exact=True)
    assert button.get_attribute("aria-expanded") == "false" and page.locator("svg").count() == 0
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("svg").count() == 2
    j = page.locator("svg").first
    heights = [float(p.split(",")[1]) for p in j.locator("polyline").get_attribute("points").split()]
    assert heights[0] == heights[2] > heights[1] == 8, "100 is at the top"
    assert j.locator("circle").count() == 1, "an object with one frame is a dot"
    labels = j.locator("text").all_text_contents()
    assert labels == ["0", "50", "100", "00001", "00002", "00003"]
    box = j.bounding_box()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 40)
    assert "frame\n00002" in page.locator(".readout").inner_text()
    assert "J 100.0, F 50.0" in page.locator(".readout").inner_text()
    head(page, "J&F-Mean").get_by_role("button").click()
    assert (
        page.locator("tr.opened").evaluate("row => row.previousElementSibling.cells[0].innerText")
        == "camel-2"
    )
    button.click()
    assert page.locator("svg").count() == 0


def test_sequences_are_found_by_name(visit: Any, written: Path) -> None:
    page = visit(written)
    page.get_by_role("button", name="bear", exact=True).click()
    page.get_by_label("Find").fill("CAMEL")
    assert names(page) == ["camel-10", "camel-2"]
    assert not page.locator("svg").first.is_visible()
    assert page.get_by_role("status").inner_text() == "2 of 3"
    page.get_by_label("Find").fill("")
    assert len(names(page)) == 3 and page.get_by_role("status").inner_text() == ""


@pytest.mark.parametrize("width", [390, 1440])
def test_only_tables_scroll_sideways(visit: Any, tmp_path: Path, width: int) -> None:
    measures = {f"J&F-Mean-{k}": 0.5 for k in range(12)}
    records = [record(LONG, scores=frame_scores(LONG, [0.5] * 90))]
    what = report(
        title=LONG,
        records=records,
        measures={0: measures},
        per_sequence={LONG: measures},
        failures={LONG: "x" * 200},
        run={"command": "y" * 300, "config": {"z" * 90: 1}},
    )
    write_report(tmp_path / "report.html", what)
    page = visit(tmp_path / "report.html", width)
    page.get_by_role("button", name=LONG).click()
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    chart, table = page.locator("svg").first.bounding_box(), page.locator(".filled").bounding_box()
    assert table["x"] <= chart["x"] and chart["x"] + chart["width"] <= table["x"] + table["width"]


@pytest.mark.parametrize("width", [390, 1440])
def test_a_comparison_fits_and_is_sorted(visit: Any, tmp_path: Path, width: int) -> None:
    scores = {"bear": 0.8, "camel": 0.4, "dog": 0.6}
    runs = [make_run(tmp_path / "first", scores)]
    runs += [make_run(tmp_path / f"{LONG}-{k}", {"bear": 0.6, "camel": 0.8, "dog": 0.6}) for k in range(3)]
    write_comparison(tmp_path / "comparison.html", Comparison.of([SavedRun(run) for run in runs]))
    page = visit(tmp_path / "comparison.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert names(page) == ["camel", "dog", "bear"]
    head(page, f"{LONG}-0 − first").get_by_role("button").click()
    assert names(page) == ["bear", "dog", "camel"]
