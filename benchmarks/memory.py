"""Does memory grow with the video? Peak RSS of ``sampt segment`` on short and long generated videos.

python -m sampt.benchmarks.memory --frames 300 3000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sampt.palette import write_label_map
from sampt.synthetic import SyntheticScene
from sampt.video_writer import VideoWriter

HEIGHT, WIDTH = 480, 854


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[300, 3000])
    parser.add_argument("--tracker", default="lucas-kanade")
    parser.add_argument("options", nargs="*", help="more options for sampt segment, after --")
    arguments = parser.parse_args()
    print("| frames | peak RSS (MiB) | ratio | seconds | frames/s |\n|---|---|---|---|---|")
    first = None
    for frames in arguments.frames:
        rss, seconds = measure(frames, arguments.tracker, arguments.options)
        first = first or rss
        print(
            f"| {frames} | {rss:.0f} | {rss / first:.3f} | {seconds:.0f} | {frames / seconds:.1f} |",
            flush=True,
        )


def measure(frames: int, tracker: str, options: list[str]) -> tuple[float, float]:
    """Peak resident memory in MiB, and seconds, of one run of the command line on a generated video."""
    with tempfile.TemporaryDirectory() as folder:
        video, mask = Path(folder) / "clip.mp4", Path(folder) / "mask.png"
        write_scene(SyntheticScene(frames, HEIGHT, WIDTH, objects=3), video, mask)
        command = [sys.executable, "-m", "sampt", "segment", str(video), "--mask", str(mask)]
        command += ["--tracker", tracker, "--output", f"{folder}/out", *options]
        begin = time.perf_counter()
        process = subprocess.Popen(command)
        # wait4 tells this child's own peak, whatever other children took.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"sampt segment failed with exit code {process.returncode}")
        return usage.ru_maxrss / 1024, time.perf_counter() - begin


def write_scene(scene: SyntheticScene, video: Path, mask: Path) -> None:
    """The scene as an H.264 file, and the mask of its first frame."""
    with VideoWriter(video, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    write_label_map(mask, scene.label_map(0))


if __name__ == "__main__":
    main()
