"""What can be written in a configuration, and what is said when it is wrong."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt import SamPt
from sampt._internal.devices import choose_device, choose_dtype
from sampt.benchmarks.vis.settings import VisConfig
from sampt.config import Config, as_mapping, load_config
from sampt.config.loading import find_config, packaged_configs
from sampt.config.schema import OnLoss
from sampt.errors import CheckpointError, ConfigError
from sampt.methods.registry import build_method
from sampt.methods.sam_pt.reinitialisation import AtHorizon, MedianArea, SimilarArea, SimilarAreaSync
from sampt.methods.sam_pt.samplers import KMedoidsSampler
from sampt.segmenters.grabcut import GrabCutSegmenter
from sampt.trackers.filters import PatchFilter
from sampt.trackers.flow import Dis
from sampt.trackers.lucas_kanade import LucasKanade

PACKAGED = sorted(find_config("quick").parent.glob("*.yaml"))


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def fails(message: str, source: object = "quick", *overrides: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_method(load_config(source, overrides))


class TestPackaged:
    @pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
    def test_every_one_loads_up_to_its_checkpoint(self, path, tmp_path, monkeypatch):
        monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
        monkeypatch.setenv("SAMPT_OFFLINE", "1")
        config = load_config(path.stem, schema=VisConfig)
        if config.segmenter.name == "grabcut":
            assert isinstance(build_method(config), SamPt)
        else:
            with pytest.raises(CheckpointError, match=r"\.pth"):
                build_method(config)

    @pytest.mark.parametrize(
        "name", ["paper/wacv_sam_pt", "paper/wacv_sam_pt.yaml", "configs/paper/wacv_sam_pt.yaml"]
    )
    def test_published_rows_are_in_a_folder_of_their_own(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert load_config(name) == load_config("paper/wacv_sam_pt")
        assert "paper/wacv_sam_pt" in packaged_configs()

    @pytest.mark.parametrize(
        ("name", "closest"),
        [("paper/wacv_sam_p", "paper/wacv_sam_pt"), ("arxiv_mose", "paper/arxiv_mose"), ("quik", "quick")],
    )
    def test_a_close_name_is_suggested(self, name, closest):
        with pytest.raises(ConfigError, match=f"did you mean '{closest}'"):
            load_config(name)

    def test_without_a_close_name_the_short_ones_are_listed(self):
        with pytest.raises(ConfigError, match=r"one of quick, sam, .*sampt reproduce") as error:
            load_config("nonsense")
        assert "paper/" not in str(error.value)

    @pytest.mark.parametrize("name", ["quick", "quick.yaml", "configs/quick.yaml", "configs/quick"])
    def test_found_by_name_from_any_folder(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        model = SamPt.from_config(name)
        assert isinstance(model.parts.tracker, Dis)
        assert isinstance(model.segmenter, GrabCutSegmenter)
        assert isinstance(model.parts.reinit, OnLoss)

    def test_a_file_of_that_name_comes_first(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("quick.yaml").write_text("{tracker: {name: lucas-kanade}, segmenter: {name: grabcut}}")
        assert isinstance(SamPt.from_config("quick.yaml").parts.tracker, LucasKanade)
        assert isinstance(SamPt.from_config("quick").parts.tracker, Dis)

    def test_the_closest_is_named(self):
        fails("qick.yaml.*'quick'", "qick.yaml")

    def test_missing_file(self, tmp_path):
        fails("there is no configuration file .*nothing.yaml", tmp_path / "nothing.yaml")

    def test_a_folder_is_no_file(self, tmp_path):
        fails("there is no configuration file", tmp_path)


class TestOverrides:
    def test_later_ones_win(self):
        config = load_config("quick", ["seed=3", "prompting.refinements=4", "seed=5"])
        assert (config.seed, config.prompting.refinements) == (5, 4)
        assert config.tracker.name == "dis"

    def test_null_switches_off(self):
        assert SamPt.from_config("quick", ["reinit.strategy=null"]).parts.reinit is None
        assert load_config("quick", ["prompting.iou_threshold=null"]).prompting.iou_threshold is None

    def test_types_are_those_of_the_fields(self):
        config = load_config(
            "quick", ["prompting.two_pass=true", "prompting.iou_threshold=1", "segmenter.checkpoint=5"]
        )
        assert config.prompting.two_pass is True
        assert config.prompting.iou_threshold == 1.0 and isinstance(config.prompting.iou_threshold, float)
        assert config.segmenter.checkpoint == "5"

    def test_values_with_an_equals_sign(self):
        config = load_config("quick", ["segmenter.checkpoint=/tmp/a=b.pth"])
        assert config.segmenter.checkpoint == "/tmp/a=b.pth"

    def test_options_reach_the_parts(self):
        model = SamPt.from_config("quick", ["sampling.positive.options.erosion=9"])
        assert model.parts.sampling.positive == KMedoidsSampler(erosion=9)

    def test_a_config_can_be_overridden_too_and_stays_as_it_was(self):
        config = load_config("quick")
        assert load_config(config, ["seed=9"]).seed == 9
        assert config.seed == 0

    def test_groups_can_be_given_as_mappings(self):
        config = load_config("quick", ["tracker={name: lucas-kanade}", "patch_filter={enabled: true}"])
        assert config.tracker.name == "lucas-kanade"
        assert config.patch_filter.enabled

    @pytest.mark.parametrize("override", ["seed", "", "=3", "seed:3", "[=3", ".=3", "a..b=3", "a.=3"])
    def test_not_key_and_value(self, override):
        fails("give it as KEY=VALUE", "quick", override)

    def test_a_value_that_is_no_yaml(self):
        fails("-o seed={: the value is not valid YAML", "quick", "seed={")


class TestKeys:
    @pytest.mark.parametrize(
        ("override", "closest"),
        [
            ("promting.refinements=3", "prompting.refinements"),
            ("prompting.refinement=3", "prompting.refinements"),
            ("traker.name=dis", "tracker.name"),
            ("sampling.positive.point=3", "sampling.positive.points"),
            ("Seed=3", "seed"),
            ("reinit.horizn=3", "reinit.horizon"),
        ],
    )
    def test_the_closest_valid_one_is_named(self, override, closest):
        key = override.partition("=")[0]
        with pytest.raises(ConfigError) as caught:
            load_config("quick", [override])
        message = str(caught.value)
        assert f"-o {override}" in message
        assert f"unknown key {key!r}" in message or f"unknown key {key.partition('.')[0]!r}" in message
        assert closest in message or f"{closest.partition('.')[0]!r}" in message

    def test_in_a_file(self, write):
        path = write("tracker: {name: dis}\nsegmentor: {name: grabcut}\n")
        fails(rf"{path}.*'segmentor'.*'segmenter", path)

    @pytest.mark.parametrize(
        "override", ["prompting=3", "tracker=dis", "sampling.positive=null", "reinit=[1]"]
    )
    def test_a_group_is_no_value(self, override):
        fails(f"{override.partition('=')[0]} is a group of settings: ", "quick", override)

    def test_a_value_is_no_group(self):
        fails("seed.*is not valid", "quick", "seed.more=3")

    def test_what_must_be_set(self, write):
        fails("tracker.name is not set|segmenter.name is not set", write("seed: 1\n"))
        fails("tracker.name is not set", write("segmenter: {name: grabcut}\n"))
        fails("is not set", write(""))


class TestValues:
    @pytest.mark.parametrize(
        "override",
        [
            "prompting.refinements=many",
            "prompting.refinements=2.5",
            "prompting.two_pass=maybe",
            "prompting.iou_threshold=high",
            "prompting.refinements=null",
            "seed=[1, 2]",
            "reinit.on_loss.patience=soon",
        ],
    )
    def test_mistyped(self, override):
        key = override.partition("=")[0]
        with pytest.raises(ConfigError) as caught:
            load_config("quick", [override])
        assert key in str(caught.value) and f"-o {override}" in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("override", "named"),
        [
            ("tracker.name=diss", "'dis'"),
            ("segmenter.name=sam-vitb", "'sam-vit-b'"),
            ("sampling.positive.name=k-medoid", "'k-medoids'"),
            ("reinit.strategy=horizont", "reinit.strategy.*'horizon'"),
            ("device=gpu", "device: unknown device 'gpu'"),
            ("dtype=float16", "'bfloat16'"),
            ("tracker.options.presett=1", "'dis'.*'presett'.*'preset'"),
            ("sampling.positive.options.erode=1", "erode"),
            ("segmenter.options.radius=1", "grabcut takes no options"),
            ("sampling.positive.points=0", "sampling.positive.points must be at least 1, not 0"),
            ("sampling.negative.points=-1", "sampling.negative.points=-1: points must be at least 0"),
            ("prompting.refinements=-1", "prompting.refinements=-1: refinements must be at least 0"),
            ("prompting.max_other_points=-1", "max_other_points must be at least 0"),
            ("cache.host_bytes=-1", "host_bytes must be at least 0"),
            ("frames_per_batch=0", "frames_per_batch must be at least 1"),
            ("seed=-1", "seed must be at least 0"),
            ("segmenter.checkpoint=x.pth", "grabcut takes no checkpoint"),
        ],
    )
    def test_unknown_or_out_of_range(self, override, named):
        fails(named, "quick", override)

    def test_horizons(self):
        fails("reinit: .*2 <= horizon", "quick", "reinit.strategy=horizon", "reinit.horizon=1")
        strategy = "reinit.strategy=median-area"
        fails("reinit: .*not 8 and 7", "quick", strategy, "reinit.tracker_horizon=7")
        fails("reinit: .*not 8 and 0", "quick", strategy, "reinit.tracker_horizon=0")

    def test_patch_filter(self):
        fails("patch_filter.size=4: .*odd", "quick", "patch_filter.enabled=true", "patch_filter.size=4")

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(["seed={}", "{}=1", "tracker.{}=1", "{}"]), st.text(max_size=30))
    def test_any_override_is_taken_or_a_config_error(self, override, text):
        try:
            config = load_config("quick", [override.format(text)])
        except ConfigError as error:
            assert str(error)
        else:
            assert isinstance(config, Config)


class TestFiles:
    @pytest.mark.parametrize(
        "text", ["a: [1, 2\n", "a: b: c\n", "\tseed: 1\n", "seed: 1\nseed: 2\n", "seed: \x00\n", "&a *b"]
    )
    def test_no_yaml(self, write, text):
        path = write(text)
        fails(f"{path} is not valid YAML", path)

    def test_binary(self, tmp_path):
        path = tmp_path / "picture.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
        fails(f"{path} is not valid YAML", path)

    @pytest.mark.parametrize("text", ["- tracker\n- dis\n", "3\n", "dis\n", "[]\n"])
    def test_no_mapping(self, write, text):
        path = write(text)
        fails(str(path), path)

    @pytest.mark.parametrize("value", ["${nowhere}", "${oc.env:SAMPT_NO_SUCH}", "${unknown:1}", "${"])
    def test_interpolations_that_lead_nowhere(self, write, value):
        path = write(f"tracker: {{name: dis}}\nsegmenter: {{name: grabcut}}\ndevice: {value!r}\n")
        fails(f"{path}.* is not valid", path)

    @settings(max_examples=40, deadline=None)
    @given(st.text(max_size=60))
    def test_any_file_is_taken_or_a_config_error(self, tmp_path_factory, text):
        path = tmp_path_factory.getbasetemp() / "any.yaml"
        path.write_bytes(text.encode("utf-8", "replace"))
        with pytest.raises(ConfigError):
            load_config(path)  # whatever it is, it has no tracker

    def test_round_trip(self, write):
        from omegaconf import OmegaConf

        config = load_config("quick", ["seed=7", "prompting.max_other_points=3"])
        again = load_config(write(OmegaConf.to_yaml(as_mapping(config))))
        assert again == config


class TestBuilding:
    def test_the_parts_are_those_that_are_named(self):
        overrides = [
            "tracker.name=lucas-kanade",
            "prompting.refinements=3",
            "overlapping=true",
            "cache.device_bytes=5",
            "seed=8",
            "sampling.positive.points=7",
            "sampling.negative.points=0",
            "patch_filter={enabled: true, size: 5, threshold: 0.5}",
        ]
        model = SamPt.from_config("quick", overrides)
        assert isinstance(model.parts.tracker, LucasKanade)
        assert model.parts.prompting.refinements == 3
        assert (model.overlapping, model.cache.device_bytes, model.seed) == (True, 5, 8)
        assert (model.parts.sampling.positives, model.parts.sampling.negatives) == (7, 0)
        assert isinstance(model.parts.patch_filter, PatchFilter)
        assert (model.parts.patch_filter.size, model.parts.patch_filter.threshold) == (5, 0.5)
        assert SamPt.from_config("quick", ["patch_filter.enabled=false"]).parts.patch_filter is None

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("horizon", AtHorizon),
            ("median-area", MedianArea),
            ("similar-area", SimilarArea),
            ("similar-area-sync", SimilarAreaSync),
        ],
    )
    def test_strategies(self, name, kind):
        made = SamPt.from_config("quick", [f"reinit.strategy={name}", "reinit.horizon=6"]).parts.reinit
        assert made == kind(6, 6)
        made = SamPt.from_config(
            "quick", [f"reinit.strategy={name}", "reinit.tracker_horizon=12"]
        ).parts.reinit
        assert made == kind(8, 12)

    def test_on_loss(self):
        made = SamPt.from_config("quick", ["reinit.on_loss.patience=9"]).parts.reinit
        assert isinstance(made, OnLoss) and made.patience == 9

    def test_settings_cannot_be_changed_behind_a_models_back(self):
        with pytest.raises(FrozenInstanceError):
            SamPt.from_config("quick").parts.prompting.refinements = 99


class TestDevice:
    def test_auto(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert choose_device("auto") == torch.device("cpu")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert choose_device("auto") == torch.device("cuda")
        assert choose_device("cuda:0") == torch.device("cuda:0")
        assert choose_device("cpu") == torch.device("cpu")

    def test_cuda_that_is_not_there(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        for name in ("cuda", "cuda:0"):
            with pytest.raises(ConfigError, match=r"device.*cuda"):
                choose_device(name)

    @pytest.mark.parametrize("name", ["cuda:", "cuda:x", "cuda:-1", "cuda 0"])
    def test_a_malformed_number(self, name, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        with pytest.raises(ConfigError, match="device"):
            choose_device(name)

    def test_dtype(self):
        cpu, cuda = torch.device("cpu"), torch.device("cuda")
        assert choose_dtype("auto", cpu) == torch.float32
        assert choose_dtype("auto", cuda) == torch.bfloat16
        assert choose_dtype("bfloat16", cpu) == torch.bfloat16
        assert choose_dtype("float32", cuda) == torch.float32


def test_another_tracker_starts_without_the_options_of_the_one_before() -> None:
    assert load_config("quick").tracker.options
    assert load_config("quick", ["tracker.name=lucas-kanade"]).tracker.options == {}
    assert load_config("quick", ["tracker.name=dis"]).tracker.options
    chosen = load_config("quick", ["tracker.name=lucas-kanade", "tracker.options.window=31"])
    assert chosen.tracker.options == {"window": 31}
