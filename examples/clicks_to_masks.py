"""Click on an object in one frame, get its mask in every frame.

python examples/clicks_to_masks.py clip.mp4 masks
"""

import sys
from pathlib import Path

from sampt import QueryPoints, SamPt, Video


def main(path: str, folder: str) -> None:
    model = SamPt.from_config("quick")  # embedded, needs no weights; "sam_pt" is the paper's
    with Video(path) as video:
        height, width = video.size
        # A point is (x, y) in pixels of the frame. The first click is on the object, the second off it.
        queries = QueryPoints.click(1, frame=0, xy=(width / 2, height / 2))
        queries += QueryPoints.click(1, frame=0, xy=(4, 4), positive=False)
        with model.stream(video, queries) as segmentation:
            for result in segmentation:  # one frame at a time: memory does not grow with the video
                written = result.save(Path(folder))
                print(f"{written}: {result[1].mask.sum()} pixels, score {result[1].score:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
