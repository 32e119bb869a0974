"""What the page's timeline says about masks that may be wrong."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from sampt import InteractiveSession, SamPt
from sampt.app.doubts import doubtful
from sampt.app.workspace import Workspace
from sampt.output.review import Stretch
from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter


def run_out(steps) -> list[Stretch]:  # type: ignore[no-untyped-def]
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[Stretch] = end.value
            return found


def test_an_object_that_leaves_its_points_is_doubtful_and_one_that_stays_is_not(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The red square jumps to the other side of the frame half way, where no point follows it."""
    from sampt.video.reader import Video

    frames = np.full((24, 96, 160, 3), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 60, (96, 160, 3), np.uint8)
    frames += noise
    frames[:12, 20:60, 20:60] = (220, 30, 30)
    frames[:, 40:80, 100:140] = (30, 60, 220)
    with VideoWriter(tmp_path / "clip.mp4", 25, (96, 160)) as writer:
        for frame in frames:
            writer.write(frame)
    with (
        Video(tmp_path / "clip.mp4") as video,
        InteractiveSession(SamPt.from_config("quick"), video) as session,
    ):
        for object_id, xy in ((session.add_object(), (40, 40)), (session.add_object(), (120, 60))):
            session.add_point(object_id, 0, xy)
        list(session.run())
        found = run_out(doubtful(session, video, nullcontext, lambda: True))
        assert run_out(doubtful(session, video, nullcontext, lambda: False)) == []
    assert {stretch.object_id for stretch in found} == {1}
    assert found[0].last == 23 and 10 <= found[0].first <= 16


def test_a_run_ends_with_a_look_at_the_masks_which_an_edit_forgets(
    workspace: Workspace, scene: SyntheticScene
) -> None:
    labels = []
    for _ in workspace.run():
        assert workspace.job is not None
        labels.append(workspace.job.label)
    assert labels.count("Looking for doubtful masks") == len(scene)
    workspace.doubts = [Stretch(1, 3, 5, "its points are gone")]
    assert workspace.view()["doubts"][0]["first"] == 3
    workspace.add_point(0, 5.0, 5.0, False)
    assert workspace.view()["doubts"] == []
