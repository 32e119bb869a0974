"""Your own point tracker in thirty lines, used like any other.

python examples/own_tracker.py clip.mp4 out
"""

import sys
from collections.abc import Iterator

import cv2
import numpy as np

from sampt import QueryPoints, SamPt, save
from sampt.trackers.base import OnlineTracker, Step, Visibility
from sampt.trackers.clip import Clip


class GlobalShift(OnlineTracker):
    """Moves all points by the one shift between frames that phase correlation finds."""

    name = "global-shift"

    def stream(self, clip: Clip, queries: np.ndarray) -> Iterator[Step]:
        xy, before = queries[:, 1:].copy(), None
        for t, frame in enumerate(clip):
            grey = np.float32(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
            if before is not None:
                shift, _ = cv2.phaseCorrelate(before, grey)
                xy[queries[:, 0] < t] += np.float32(shift)
            before = grey
            seen = (queries[:, 0] <= t) & (xy >= 0).all(1) & (xy < frame.shape[1::-1]).all(1)
            yield xy.copy(), np.where(seen, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8)


def main(path: str, folder: str) -> None:
    model = SamPt.from_config("quick", tracker=GlobalShift())
    saved = save(model.stream(path, QueryPoints.click(1, frame=0, xy=(40, 40))), folder, overwrite=True)
    print(f"{model}: {saved.frames} frames in {saved.folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
