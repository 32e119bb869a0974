"""Give the mask of the first frame, get an overlay video and everything else that ``sampt segment`` writes.

python examples/mask_to_overlay.py clip.mp4 first_frame.png out
"""

import sys

from sampt import QueryPoints, SamPt, save


def main(video: str, mask: str, folder: str) -> None:
    model = SamPt.from_config("quick")
    queries = QueryPoints.from_mask_file(mask)  # every colour or palette index is an object
    saved = save(model.stream(video, queries), folder, overwrite=True)
    print(f"{saved.frames} frames: {saved.folder / 'overlay.mp4'}")
    for stretch in saved.worth_checking:
        print(f"Worth checking: {stretch}")


if __name__ == "__main__":
    main(*sys.argv[1:])
