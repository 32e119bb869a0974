"""What an ablation file expands to, and what is said when it is wrong."""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.benchmarks.ablations.sweep import Setting, Sweep, find_ablation, packaged_ablations, read_sweep
from sampt.config import load_config
from sampt.errors import ConfigError

GRID = "{base: quick, grid: {prompting.refinements: [0, 3]}}"

EXPECTED = {
    "negatives": 5,
    "patch_similarity": 3,
    "points": 10,
    "refinements": 4,
    "reinit": 16,
    "samplers": 16,
    "segmenters": 6,
    "trackers": 9,
    "wacv_negatives": 5,
    "wacv_refinements": 4,
    "wacv_reinit": 16,
    "wacv_samplers": 16,
    "wacv_sequences": 2,
    "wacv_trackers": 3,
}
"""How many settings each packaged sweep has."""


def check(sweep: Sweep) -> list[Setting]:
    """The settings, after each has been checked."""
    found = sweep.settings()
    for setting in found:
        sweep.check(setting)
    return found


class TestPackaged:
    def test_all_are_known(self):
        assert packaged_ablations() == sorted(EXPECTED)

    @pytest.mark.parametrize("name", EXPECTED)
    def test_every_one_expands_into_valid_settings(self, name):
        assert len(check(read_sweep(name))) == EXPECTED[name]

    @pytest.mark.parametrize(
        "name", ["points", "points.yaml", "ablations/points", "configs/ablations/points.yaml"]
    )
    def test_found_by_name_from_any_folder(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert find_ablation(name).parts[-2:] == ("ablations", "points.yaml")

    def test_a_file_of_that_name_comes_first(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("points.yaml").write_text(GRID)
        assert len(read_sweep("points.yaml").settings()) == 2

    @pytest.mark.parametrize("name", ["pionts", "elsewhere/points.yaml"])
    def test_an_unknown_one_names_the_closest(self, name):
        with pytest.raises(ConfigError, match=rf"{name}.*'points'"):
            read_sweep(name)

    def test_points_compares_samplers_on_the_whole_mask(self):
        sweep = read_sweep("points")
        chosen = [load_config(sweep.base, s.overrides).sampling.positive for s in sweep.settings()]
        assert [c.points for c in chosen] == [1, 1, 4, 4, 8, 8, 16, 16, 32, 32]
        assert {(c.name, c.options.get("erosion", 0)) for c in chosen} == {("k-medoids", 0), ("random", 0)}


class TestExpansion:
    def test_a_grid(self, read):
        sweep = read("""
            base: quick
            seeds: 3
            grid:
              sampling.positive.points: [1, 4]
              sampling.positive.name: [random, k-medoids]
            """)
        first, second, *_ = found = sweep.settings()
        assert (sweep.base, sweep.seeds, len(found)) == ("quick", 3, 4)
        assert first.name == "positive.points=1, positive=random"
        assert first.slug == "positive.points=1-positive=random"
        assert first.values == {"positive.points": 1, "positive": "random"}
        assert second.values == {"positive.points": 1, "positive": "k-medoids"}

    def test_keys_that_vary_together(self, read):
        found = read("""
            base: sam_pt
            grid:
              model:
                large: {segmenter.name: sam-vit-h}
                small: {prompting.refinements: 3, segmenter.name: mobile-sam}
            """).settings()
        assert [s.name for s in found] == ["large", "small"]
        assert found[1].overrides == ("segmenter.name=mobile-sam", "prompting.refinements=3")
        assert found[1].values == {"model": "small"}

    def test_named_settings(self, read):
        found = read("""
            base: quick
            settings:
              as it is:
              fewer points: {sampling.positive.points: 8}
              8: {prompting.refinements: 8}
            """).settings()
        assert [s.name for s in found] == ["as it is", "fewer points", "setting=8"]
        assert [s.overrides for s in found] == [
            (),
            ("sampling.positive.points=8",),
            ("prompting.refinements=8",),
        ]
        assert [s.values["setting"] for s in found] == ["as it is", "fewer points", 8]

    def test_a_part_is_named_before_its_options(self, read):
        """Choosing a sampler drops the options of the one before, and so would drop those just given."""
        (found,) = read("""
            base: sam_pt
            settings:
              one: {sampling.negative.options.inner: 5, sampling.negative.name: ring}
            """).settings()
        assert load_config("sam_pt", found.overrides).sampling.negative.options == {"inner": 5}

    def test_overrides_hold_for_all_settings_and_give_way_to_them(self, read):
        sweep = read("""
            base: quick
            overrides: {prompting.refinements: 12, sampling.negative.points: 5}
            settings: {a: {}, b: {prompting.refinements: 3}}
            """)
        configs = [load_config("quick", s.overrides) for s in sweep.settings()]
        assert [(c.prompting.refinements, c.sampling.negative.points) for c in configs] == [(12, 5), (3, 5)]

    def test_the_command_line_changes_the_base_and_adds_overrides(self, read):
        sweep = read(GRID, "sam_pt", ["sampling.negative.points=0", "cache={host_bytes: 5}"])
        (first, _) = (load_config(sweep.base, s.overrides) for s in sweep.settings())
        assert (first.tracker.name, first.sampling.negative.points, first.cache.host_bytes) == ("pips", 0, 5)

    def test_titles_are_full_keys_where_short_ones_are_the_same(self, read):
        sweep = read("""
            base: quick
            grid:
              tracker.options.patience: [1, 2]
              segmenter.options.patience: [1]
            """)
        assert [axis.title for axis in sweep.axes] == [
            "tracker.options.patience",
            "segmenter.options.patience",
        ]

    def test_slugs_differ_even_where_case_does_not_count(self, read):
        found = read("""
            base: quick
            settings: {a/b: {}, A b: {prompting.refinements: 1}, "..": {prompting.refinements: 2}}
            """).settings()
        assert found[0].slug == "a-b"
        assert re.fullmatch("A-b-[0-9a-f]{8}", found[1].slug)
        assert found[2].slug == "setting"

    @pytest.mark.parametrize("name", ["runs.csv", "Run.json", "sequences.svg"])
    def test_no_slug_is_the_name_of_a_file_of_the_sweep(self, read, name):
        (found,) = read(f"{{base: quick, settings: {{{name}: {{}}}}}}").settings()
        assert (found.name, found.slug.startswith(f"{name}-")) == (name, True)

    @settings(max_examples=8, deadline=None)
    @given(
        points=st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True),
        refinements=st.lists(st.integers(0, 99), min_size=1, max_size=2, unique=True),
        names=st.lists(st.text("aB /\\.é$&=,%", min_size=1, max_size=4), min_size=1, max_size=2, unique=True),
    )
    def test_a_grid_is_the_product_of_its_axes(self, points, refinements, names, tmp_path_factory):
        file = tmp_path_factory.mktemp("grid") / "grid.yaml"
        quoted = ["'" + name + "'" for name in names]
        extras = ", ".join(f"{name}: {{sampling.negative.points: {i}}}" for i, name in enumerate(quoted))
        file.write_text(
            f"{{base: quick, grid: {{sampling.positive.points: {points}, "
            f"prompting.refinements: {refinements}, extra: {{{extras}}}}}}}",
            encoding="utf-8",
        )
        found = read_sweep(file).settings()
        assert found == read_sweep(file).settings()
        assert len(found) == prod(map(len, (points, refinements, names)))
        assert [tuple(s.values.values()) for s in found] == [
            (p, r, n) for p in points for r in refinements for n in names
        ]
        assert len({s.slug.casefold() for s in found}) == len(found)
        assert all(re.fullmatch(r"[A-Za-z0-9=+_-][A-Za-z0-9.=+_-]*", s.slug) for s in found)

    @settings(max_examples=30, deadline=None)
    @given(
        value=st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text("abn1e.-:{}[]#'\" ,&*!|>%@_", max_size=6)
        | st.lists(st.integers(0, 9) | st.sampled_from(["a", "no", "1"]), max_size=3)
    )
    def test_values_reach_the_configuration_as_they_are(self, value, tmp_path_factory):
        file = tmp_path_factory.mktemp("value") / "value.yaml"
        sweep = {"base": "quick", "settings": {"one": {"segmenter.options.x": value}}}
        file.write_text(json.dumps(sweep))
        (found,) = read_sweep(file).settings()
        assert load_config("quick", found.overrides).segmenter.options == {"x": value}


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("base: [", "YAML"),
            ("{base: quick, base: quick}", "YAML"),
            ("5", "base, overrides"),
            ("[1, 2]", "base, overrides"),
            ("{base: quick, gird: {}}", "'gird'.*'grid'"),
            ("grid: {prompting.refinements: [1]}", "base"),
            ("base: quick", "grid or settings"),
            ("{base: quick, grid: {seed: [1]}, settings: {a: {}}}", "grid or settings"),
            ("{base: quick, grid: {}}", "grid"),
            ("{base: quick, grid: [1]}", "grid"),
            ("{base: quick, settings: {}}", "settings"),
            ("{base: quick, grid: {model: {}}}", "grid: model"),
            ("{base: quick, grid: {prompting.refinements: []}}", "grid: prompting.refinements.*list"),
            ("{base: quick, grid: {prompting.refinements: 3}}", "grid: prompting.refinements.*list"),
            ("{base: quick, settings: {a: [1]}}", r"settings: a\b"),
            ("{base: quick, settings: {off: {}}}", "settings: .*False.*quotes"),
            ("{base: quick, seeds: 0, settings: {a: {}}}", "seeds.* 0$"),
            ("{base: quick, seeds: true, settings: {a: {}}}", "seeds.*True"),
            ("{base: quick, grid: {seed: [1, 2]}}", "grid: seed"),
            ("{base: qick, settings: {a: {}}}", "'a'.*qick"),
            (
                "{base: quick, grid: {prompting.refinement: [1]}}",
                "'prompting.refinement=1'.*'prompting.refinements'",
            ),
            ("{base: quick, grid: {prompting.refinements: [many]}}", "prompting.refinements=many"),
            ("{base: quick, grid: {sampling.positive.name: [radnom]}}", "'radnom'.*'random'"),
            ("{base: quick, grid: {tracker.name: [dsi]}}", "'dsi'.*'dis'"),
            ("{base: quick, grid: {segmenter.name: [sam-vit-x]}}", "'sam-vit-x'.*'sam-vit-[^x]"),
            ("{base: quick, grid: {tracker.options.patiance: [1]}}", "'patiance'.*'patience'"),
            ("{base: sam_pt_reinit, grid: {reinit.horizon: [1]}}", "horizon"),
            ("{base: quick, grid: {a: {x: {seed: 1}}}}", "grid: a: x: seed"),
            (
                "{base: quick, overrides: {prompting.refinements: 1}, grid: {prompting.refinements: [1, 2]}}",
                "varies.*prompting.refinements",
            ),
            (
                "{base: quick, grid: {prompting.refinements: [1], a: {x: {prompting.refinements: 2}}}}",
                "'prompting.refinements'.*'a'",
            ),
            (
                "{base: quick, grid: {positive: {x: {}}, sampling.positive.name: [random]}}",
                "'positive'",
            ),
        ],
    )
    def test_the_file_and_the_fault_are_named(self, read, text, named):
        with pytest.raises(ConfigError, match=rf"mine\.yaml.*{named}"):
            check(read(text))

    def test_two_settings_that_are_the_same_are_both_named(self, read):
        sweep = read("{base: quick, settings: {a: {}, b: {prompting.refinements: 0}}}")
        with pytest.raises(ConfigError, match=r"'a'.*'b'"):
            sweep.settings()

    @pytest.mark.parametrize(
        ("override", "named"),
        [
            ("prompting.refinements", "-o prompting.refinements.*key=value"),
            ("seed=3", "-o seed=3.*--seeds"),
            ("prompting.refinements=3", "varies.*prompting.refinements"),
        ],
    )
    def test_an_override_that_cannot_be(self, read, override, named):
        with pytest.raises(ConfigError, match=named):
            read(GRID, None, [override])

    def test_a_binary_file(self, tmp_path):
        (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(ConfigError, match=r"x\.yaml"):
            read_sweep(tmp_path / "x.yaml")
