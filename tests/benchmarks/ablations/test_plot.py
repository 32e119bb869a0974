"""What is drawn: read back from the figure's SVG, and from the axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sampt.benchmarks.ablations import plot
from sampt.benchmarks.ablations.plot import numeric_axis, plot_sequences, plot_values
from sampt.benchmarks.ablations.statistics import mean_intervals, sequence_medians

from .conftest import long_table, settings_of


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures are kept here instead of being written."""
    figures: list[Figure] = []

    def keep(figure: Figure, stem: Path) -> list[Path]:
        figures.append(figure)
        return []

    monkeypatch.setattr(plot, "save_figure", keep)
    return figures


def lines(figure: Figure) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[0].get_lines()
    }


def bands(figure: Figure) -> list[tuple[float, float]]:
    """How far down and up each band reaches."""
    extents = [band.get_paths()[0].get_extents() for band in figure.axes[0].collections]
    return [(extent.y0, extent.y1) for extent in extents]


def ticks(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


class TestSequences:
    def test_sequences_are_in_the_order_of_the_first_setting(self, drawn, tmp_path):
        table = long_table({"s=x": [[0.9, 0.1, 0.5]] * 2, "s=y": [[0.2, 0.4, 0.6]] * 2})
        plot_sequences(settings_of(s=["x", "y"]), sequence_medians(table, "J&F"), "J&F", tmp_path / "p")
        (figure,) = drawn
        assert ticks(figure) == ["b", "c", "a"]
        found = lines(figure)
        np.testing.assert_allclose(found["s=x"][1], [10, 50, 90])
        np.testing.assert_allclose(found["s=y"][1], [40, 60, 20])

    def test_the_band_is_the_interval(self, drawn, tmp_path):
        table = long_table({"s=x": [[0.1], [0.5], [0.6]]})
        plot_sequences(settings_of(s=["x"]), sequence_medians(table, "J&F"), "J&F", tmp_path / "p")
        np.testing.assert_allclose(bands(drawn[0]), [(10, 60)])

    def test_twelve_settings_look_different(self, drawn, tmp_path):
        settings = settings_of(s=list(range(12)))
        table = long_table({s.name: [[0.5, 0.6]] for s in settings})
        plot_sequences(settings, sequence_medians(table, "J&F"), "J&F", tmp_path / "p")
        drawn_lines = drawn[0].axes[0].get_lines()
        assert len({(line.get_color(), line.get_linestyle()) for line in drawn_lines}) == 12

    def test_of_two_axes_one_is_the_colour_and_one_the_dash(self, drawn, tmp_path):
        settings = settings_of(a=[1, 2, 3], b=["x", "y"])
        table = long_table({s.name: [[0.5]] for s in settings})
        plot_sequences(settings, sequence_medians(table, "J&F"), "J&F", tmp_path / "p")
        found = drawn[0].axes[0].get_lines()
        colours, dashes = ([line.get_color() for line in found], [line.get_linestyle() for line in found])
        assert colours[0::2] == colours[1::2] and len(set(colours)) == 3
        assert dashes == [dashes[0], dashes[1]] * 3 and len(set(dashes)) == 2

    @pytest.mark.parametrize(("sequences", "settings"), [(6, 1), (6, 12), (90, 12)])
    def test_names_do_not_overlap(self, drawn, tmp_path, sequences, settings):
        chosen = settings_of(s=list(range(settings)))
        rows = [(s.name, 0, f"horsejump-high-{i}", 0.5) for s in chosen for i in range(sequences)]
        table = pd.DataFrame(rows, columns=["setting", "seed", "sequence", "J&F"])
        plot_sequences(chosen, sequence_medians(table, "J&F"), "J&F", tmp_path / "p")
        figure = drawn[0]
        figure.draw_without_rendering()
        axes = figure.axes[0]
        spacing = np.diff([axes.transData.transform((x, 0))[0] for x in (0, 1)])[0]
        height = axes.get_xticklabels()[0].get_fontsize() * figure.dpi / 72
        assert spacing > height
        legend = figure.legends[0].get_window_extent()
        assert legend.x0 > axes.get_window_extent().x1
        assert legend.y0 >= 0 and legend.x1 <= figure.bbox.x1

    def test_without_medians_nothing_is_written(self, tmp_path):
        table = long_table({"s=x": [[np.nan]] * 2})
        found = plot_sequences(settings_of(s=["x"]), sequence_medians(table, "J&F"), "J&F", tmp_path / "p")
        assert found == [] and not list(tmp_path.iterdir())


class TestValues:
    def test_a_line_for_each_label_of_the_other_axis(self, drawn, tmp_path):
        settings = settings_of(sampler=["k-medoids", "random"], points=[32, 1, 4])
        table = long_table({s.name: [[0.01 * s.values["points"]]] for s in settings})
        plot_values(settings, mean_intervals(table, "J&F"), "J&F", tmp_path / "p")
        (figure,) = drawn
        found = lines(figure)
        assert list(found) == ["k-medoids", "random"]
        assert found["random"][0] == [1, 4, 32]
        np.testing.assert_allclose(found["random"][1], [1, 4, 32])
        assert figure.axes[0].get_xlabel() == "points"
        assert figure.axes[0].get_xscale() == "log"
        assert ticks(figure) == ["1", "4", "32"]

    @pytest.mark.parametrize(
        ("values", "scale"),
        [([0, 1, 8, 72], "symlog"), ([4, 8, 16, 24], "linear"), ([0, 1, 3], "linear"), ([-1, 90], "linear")],
    )
    def test_numbers_far_apart_are_spaced_by_their_logarithm(self, drawn, tmp_path, values, scale):
        settings = settings_of(points=values)
        table = long_table({s.name: [[0.5]] for s in settings})
        plot_values(settings, mean_intervals(table, "J&F"), "J&F", tmp_path / "p")
        assert drawn[0].axes[0].get_xscale() == scale
        assert ticks(drawn[0]) == list(map(str, values))

    @pytest.mark.parametrize(
        ("axes", "expected"),
        [
            ({"a": ["x", "y"], "b": [1, 2]}, "b"),
            ({"a": [1, 2], "b": [0.1, 0.2]}, "a"),
            ({"a": [True, False]}, None),
            ({"a": ["off", 0.002, 0.01]}, None),
            ({"a": [None, 1]}, None),
            ({"a": [1], "b": ["x", "y"]}, None),
            ({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, None),
        ],
    )
    def test_which_axis_is_numeric(self, axes, expected):
        assert numeric_axis(settings_of(**axes)) == expected

    def test_without_one_nothing_is_written(self, tmp_path):
        settings = settings_of(tracker=["dis", "pips"])
        table = long_table({s.name: [[0.5]] for s in settings})
        assert plot_values(settings, mean_intervals(table, "J&F"), "J&F", tmp_path / "p") == []
        assert not list(tmp_path.iterdir())
