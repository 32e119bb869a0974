"""Add points on any frame, see what they change, and take them back.

python examples/correct_by_hand.py clip.mp4 session.json
"""

import sys

from sampt import InteractiveSession, SamPt


def main(path: str, saved: str) -> None:
    model = SamPt.from_config("quick")
    with InteractiveSession(model, path) as session:
        height, width = session.size
        bee = session.add_object("bee")
        session.add_point(bee, frame=0, xy=(width / 2, height / 2))
        print("at once:", session.frame(0)[bee].mask.sum(), "pixels in frame 0")
        for step in session.run():
            print(f"{step.done} of {step.total}", end="\r")

        last = len(session.video) - 1
        session.add_point(bee, frame=last, xy=(2, 2), positive=False)
        print("frames that this touches:", session.pending())
        session.undo()
        # Masks depend on the points alone: those that the edit removed are made again, and are the same.
        for _ in session.run():
            pass
        session.save(saved)
        print(f"{len(session.points)} point: {saved}")


if __name__ == "__main__":
    main(*sys.argv[1:])
