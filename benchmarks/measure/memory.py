"""The peak memory of ``sampt segment`` or ``track`` on short and long videos: does it grow with the video?

python -m sampt.benchmarks.measure.memory --frames 300 3000
python -m sampt.benchmarks.measure.memory --track --tracker pips --random-weights 0 --size 320x192
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from sampt.prompts.label_maps import write_label_map
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.raft.weights import build_raft
from sampt.video.writer import VideoWriter

from .tracker_speed import network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[300, 3000])
    parser.add_argument("--size", default="854x480", metavar="WIDTHxHEIGHT")
    parser.add_argument("--track", action="store_true", help="sampt track, 15 points on each object")
    parser.add_argument("--tracker", default="lucas-kanade")
    parser.add_argument("--random-weights", type=int, metavar="SEED", help="for a tracker that needs weights")
    parser.add_argument("options", nargs="*", help="more options for the command, after --")
    arguments = parser.parse_args()
    print("| frames | peak RSS (MiB) | ratio | seconds | frames/s |\n|---|---|---|---|---|")
    first = None
    for frames in arguments.frames:
        rss, seconds = measure(frames, arguments)
        first = first or rss
        print(
            f"| {frames} | {rss:.0f} | {rss / first:.3f} | {seconds:.0f} | {frames / seconds:.1f} |",
            flush=True,
        )


def measure(frames: int, arguments: argparse.Namespace) -> tuple[float, float]:
    """The peak resident memory in MiB, and the seconds, of one command on a generated video."""
    with tempfile.TemporaryDirectory() as folder:
        video, mask = Path(folder) / "clip.mp4", Path(folder) / "mask.png"
        width, height = map(int, arguments.size.split("x"))
        scene = SyntheticScene(frames, height, width, objects=3)
        write_scene(scene, video, mask)
        command = [sys.executable, "-m", "sampt", "track" if arguments.track else "segment", str(video)]
        command += points(scene) if arguments.track else ["--mask", str(mask), "--config", "quick"]
        command += ["--tracker", arguments.tracker, "--output", f"{folder}/out"]
        if arguments.random_weights is not None:
            checkpoint = Path(folder) / "random.pth"
            torch.save(random_state(arguments.tracker, arguments.random_weights), checkpoint)
            command += ["--tracker-checkpoint", str(checkpoint)]
        command += arguments.options
        begin = time.perf_counter()
        process = subprocess.Popen(command)
        # wait4 gives this child's own peak, whatever other children used.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
        return usage.ru_maxrss / 1024, time.perf_counter() - begin


def points(scene: SyntheticScene) -> list[str]:
    """The options for 15 points on each object in the first frame."""
    queries, owners = scene.sample_queries(15, np.random.default_rng(0))
    return [f"--point={k + 1}:0:{x},{y}" for (_, x, y), k in zip(queries, owners, strict=True)]


def random_state(tracker: str, seed: int) -> dict[str, torch.Tensor]:
    """The weights that a checkpoint of a tracker might contain; for RAFT, of the small variant.

    RAFT's flow is 0, because it gives up points that leave the frame and would then have nothing to do.
    """
    if tracker != "raft":
        return network(tracker, None, seed).state_dict()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        state = build_raft("small").state_dict()
    return {
        name: torch.zeros_like(value) if ".flow_head.conv2." in name else value
        for name, value in state.items()
    }


def write_scene(scene: SyntheticScene, video: Path, mask: Path) -> None:
    """Write the scene as an H.264 file, and the mask of its first frame."""
    with VideoWriter(video, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    write_label_map(mask, scene.label_map(0))


if __name__ == "__main__":
    main()
