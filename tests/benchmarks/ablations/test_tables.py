"""Tables as they are printed."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from sampt.benchmarks.ablations.statistics import summary
from sampt.benchmarks.ablations.tables import Sheet, pivot_sheet, settings_sheet, write_tables
from sampt.benchmarks.running.charts import percent_with_deviation
from sampt.errors import OutputError

from .conftest import long_table, settings_of

POINTS = settings_of(points=[1, 8], sampler=["k-medoids", "random"])
SCORES = {
    s.name: runs for s, runs in zip(POINTS, ([0.5, 0.6], [0.4, 0.5], [0.8, 0.8], [0.7, 0.9]), strict=True)
}


@pytest.fixture
def found() -> pd.DataFrame:
    table = long_table({name: [[value] for value in runs] for name, runs in SCORES.items()})
    return summary(table.assign(J=table["J&F"] / 2), ["J&F", "J"])


def test_settings_as_markdown(found):
    """The best mean is there twice, so both rows are bold."""
    assert settings_sheet(POINTS, found, ["J&F", "J"]).markdown() == (
        "| points | sampler | J&F | J |\n"
        "| --- | --- | --: | --: |\n"
        "| 1 | k-medoids | 55.0 ± 7.1 | 27.5 ± 3.5 |\n"
        "| 1 | random | 45.0 ± 7.1 | 22.5 ± 3.5 |\n"
        "| **8** | **k-medoids** | **80.0 ± 0.0** | **40.0 ± 0.0** |\n"
        "| **8** | **random** | **80.0 ± 14.1** | **40.0 ± 7.1** |\n"
    )


def test_pivot_as_latex(found):
    assert pivot_sheet(POINTS, found, "J").latex() == (
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "J: points / sampler & k-medoids & random \\\\\n"
        "\\midrule\n"
        "1 & 27.5 $\\pm$ 3.5 & 22.5 $\\pm$ 3.5 \\\\\n"
        "8 & \\textbf{40.0 $\\pm$ 0.0} & \\textbf{40.0 $\\pm$ 7.1} \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


def test_the_first_measure_decides_which_row_is_bold():
    settings = settings_of(a=["x", "y"])
    table = long_table({"a=x": [[0.6]], "a=y": [[0.5]]}).assign(J=[0.1, 0.9])
    assert settings_sheet(settings, summary(table, ["J&F", "J"]), ["J&F", "J"]).bold == {
        (0, 0),
        (0, 1),
        (0, 2),
    }


def test_what_markdown_and_latex_would_misread_is_escaped():
    sheet = Sheet(("a_b|c", "J&F"), (("50% #1 {$x$} ~^\\ <*>", "1 ± 2"),), 1)
    assert sheet.markdown().splitlines()[0] == r"| a\_b\|c | J&F |"
    assert sheet.markdown().splitlines()[2] == r"| 50% #1 {$x$} ~^\\ \<\*\> | 1 ± 2 |"
    assert r"a\_b|c & J\&F \\" in sheet.latex()
    assert (
        r"50\% \#1 \{\$x\$\} \textasciitilde{}\textasciicircum{}\textbackslash{} "
        r"\textless{}*\textgreater{} & 1 $\pm$ 2 \\" in sheet.latex()
    )


def test_a_setting_without_results_has_dashes_and_is_not_the_best(found):
    sheet = settings_sheet(POINTS, found.drop(POINTS[0].name), ["J&F"])
    assert sheet.rows[0] == ("1", "k-medoids", "–")
    assert not {row for row, _ in sheet.bold} & {0}


def test_labels_read_as_in_yaml():
    settings = settings_of(limit=[None, True, 0.002])
    table = long_table({s.name: [[0.5]] for s in settings})
    rows = settings_sheet(settings, summary(table, ["J&F"]), ["J&F"]).rows
    assert [row[0] for row in rows] == ["none", "true", "0.002"]


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.7664, 0.0031, "76.6 ± 0.3"),
        (0.7664, float("nan"), "76.6"),
        (float("nan"), float("nan"), "–"),
        (1.0, 0.0, "100.0 ± 0.0"),
    ],
)
def test_percent(mean, std, text):
    assert percent_with_deviation(mean, std) == text


class TestFiles:
    def test_csv_can_be_read_back_as_numbers(self, found, tmp_path):
        write_tables(tmp_path, POINTS, found, ["J&F", "J"])
        read = pd.read_csv(io.StringIO((tmp_path / "settings.csv").read_text()))
        assert list(read) == ["setting", "points", "sampler", "J&F", "J&F std", "J", "J std"]
        assert list(read["J&F"]) == [55, 45, 80, 80]
        assert read["J&F std"][0] == pytest.approx(7.0711)
        assert list(read["points"]) == [1, 1, 8, 8]

    def test_two_axes_have_a_pivot_too(self, found, tmp_path):
        written = write_tables(tmp_path, POINTS, found, ["J&F"])
        assert sorted(written) == sorted(tmp_path.iterdir())
        assert {path.name for path in written} == {
            "settings.csv",
            "settings.md",
            "settings.tex",
            "pivot.md",
            "pivot.tex",
        }

    def test_one_axis_has_none(self, tmp_path):
        settings = settings_of(a=["x", "y"])
        table = long_table({s.name: [[0.5]] for s in settings})
        write_tables(tmp_path, settings, summary(table, ["J&F"]), ["J&F"])
        assert {path.name for path in tmp_path.iterdir()} == {"settings.csv", "settings.md", "settings.tex"}

    def test_a_folder_that_is_not_there(self, found, tmp_path):
        with pytest.raises(OutputError, match=r"settings\.csv"):
            write_tables(tmp_path / "nowhere", POINTS, found, ["J&F"])
