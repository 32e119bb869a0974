"""The speed benchmark runs, on a real model, and what it reports is consistent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampt._internal.stopwatch import Stopwatch
from sampt.benchmarks.measure.speed import main
from sampt.benchmarks.measure.speed_runs import SpeedSetting, Timing


def benchmark(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sampt.benchmarks.measure.speed", *arguments]
    environment = {**os.environ, "SAMPT_OFFLINE": "1", "SAMPT_HOME": str(folder), "COLUMNS": "160"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_two_settings_of_a_real_model(tmp_path):
    small = ("--frames", "1", "--repeats", "1", "--objects", "2", "--refinements", "2", "--size", "96x64")
    done = benchmark(
        tmp_path, "--random-weights", "0", *small, "--against", "prompting.refinements=0", "--json", "r.json"
    )
    assert done.returncode == 0, done.stderr
    assert "mobile-sam" in done.stdout and "prompting.refinements=0" in done.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    refined, plain = report["segmenters"]["mobile-sam"]
    assert (refined["decoder_calls_per_frame"], plain["decoder_calls_per_frame"]) == (4, 2)
    for setting in (refined, plain):
        stages = setting["milliseconds_per_frame"]
        assert all(len(stages[stage]) == 1 for stage in ("decode video", "encode", "prompt", "all"))
        assert all(encode < whole for encode, whole in zip(stages["encode"], stages["all"], strict=True))
        assert setting["frames_per_second"] > 0 and setting["peak_mib"] > 100
        objects = sum(call["objects"] for call in setting["single_decoder_call_milliseconds"])
        assert objects == 2 * setting["decoder_calls_per_frame"]
    assert report["hardware"] and report["versions"]


def test_a_checkpoint_that_is_not_there_is_said_plainly(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPT_OFFLINE", "1")
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    done = CliRunner().invoke(main, ["--segmenter", "sam-vit-b", "--frames", "1"])
    assert isinstance(done.exception, SystemExit) and done.exit_code != 0
    assert "sam_vit_b_01ec64.pth" in done.output


def test_the_overhead_compares_all_but_the_encoder_with_single_calls():
    timing = Timing.__new__(Timing)
    timing.setting = SpeedSetting("mobile-sam", None, 0, "sam_pt_wacv", ())
    timing.frames = 2
    timing.seconds = {"all": [10.0, 12.0, 11.0], "encode": [4.0, 5.0, 5.0]}
    timing._calls = {(16, False, False): 10, (17, True, True): 20}
    timing._single = {(16, False, False): 0.1, (17, True, True): 0.2}
    assert timing.overhead == pytest.approx(6.0 / (10 * 0.1 + 20 * 0.2))
    assert timing.frames_per_second == pytest.approx(2 / 11)


def test_a_stopwatch_can_wait_for_a_device():
    waited = []
    stopwatch = Stopwatch(settle=lambda: waited.append(1))
    with stopwatch("encode"):
        assert len(waited) == 1
    assert len(waited) == 2
