"""What a page does with its video, without Gradio and a browser."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sampt.app.scene import open_demo
from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.errors import PromptError, VideoError
from sampt.interactive.session import InteractiveSession
from sampt.synthetic.scene import SyntheticScene
from sampt.video.reader import Video

from .pages import files_of


def test_a_picture_shows_the_frame_with_masks_only_if_wanted(workspace: Workspace) -> None:
    painted, plain = workspace.picture(0), workspace.picture(0, masks=False)
    assert painted["image"].startswith("data:image/jpeg;base64,") and painted["image"] != plain["image"]
    assert [point["given"] for point in painted["points"]] == [True]
    with pytest.raises(PromptError, match="frame 99"):
        workspace.picture(99)


def test_an_edit_ends_a_run_and_keeps_what_is_done(workspace: Workspace) -> None:
    run = workspace.run()
    for _ in range(3):
        next(run)
    workspace.add_object("another")
    workspace.add_point(11, 5, 5, True)
    assert list(run) == [] and "Stopped" in workspace.note
    assert workspace.job is None


def test_one_job_at_a_time(workspace: Workspace) -> None:
    run = workspace.run()
    next(run)
    with pytest.raises(PromptError, match="in progress"):
        next(workspace.export(["session.json"]))
    workspace.cancel()
    assert list(run) == []
    assert list(workspace.export(["session.json"])) == []
    assert [entry["name"] for entry in workspace.view()["exports"]] == ["session.json"]


def test_a_second_export_does_not_disturb_the_first(workspace: Workspace) -> None:
    first = workspace.export(["masks.zip"])
    next(first)
    with pytest.raises(PromptError, match="in progress"):
        next(workspace.export(["masks.zip"]))
    list(first)
    assert zipfile.is_zipfile(workspace.exports["masks.zip"])


def test_what_is_refused_meanwhile_does_not_stop_an_export(workspace: Workspace) -> None:
    steps = workspace.export(["points.json", "masks.zip"])
    next(steps)
    workspace.say("something is going on already")
    for _ in steps:
        pass
    assert set(workspace.exports) == {"points.json", "masks.zip"}


def test_a_run_needs_something_to_follow(workspaces: Workspaces) -> None:
    workspace = workspaces.enter("page")
    workspace.add_object()
    with pytest.raises(PromptError, match="marked"):
        next(workspace.run())
    with pytest.raises(PromptError, match="export"):
        next(workspace.export(["masks.zip"]))


def test_a_cancelled_export_leaves_no_file(workspace: Workspace) -> None:
    export = workspace.export(["masks.zip", "overlay.mp4", "coco.json"])
    next(export)
    workspace.cancel()
    assert list(export) == [] and workspace.exports == {}
    assert files_of(workspace) == []


@pytest.mark.parametrize("change", [Workspace.undo, open_demo], ids=["an edit", "another video"])
def test_an_export_stops_when_its_session_changes(workspace: Workspace, change: Callable[..., None]) -> None:
    export = workspace.export(["overlay.mp4"])
    next(export)
    change(workspace)
    assert list(export) == [] and workspace.exports == {}
    assert "stopped" in workspace.note


def test_exported_masks_are_those_of_the_session(workspace: Workspace, scene: SyntheticScene) -> None:
    list(workspace.run())
    list(workspace.export(["masks.zip", "coco.json"]))
    session = workspace._session
    assert isinstance(session, InteractiveSession)
    with zipfile.ZipFile(workspace.exports["masks.zip"]) as masks:
        for frame in range(len(scene)):
            labels = np.asarray(Image.open(masks.open(f"{frame:05d}.png")))
            np.testing.assert_array_equal(labels, session.frame(frame).label_map())
            truth = scene.masks(frame)[0]
            assert (truth & (labels == 1)).sum() > 0.9 * (truth | (labels == 1)).sum()
    areas = [entry["area"] for entry in json.loads(workspace.exports["coco.json"].read_text())["annotations"]]
    assert areas == [session.frame(frame).masks[0].sum() for frame in range(len(scene))]


@pytest.mark.parametrize("change", [Workspace.undo, open_demo], ids=["an edit", "another video"])
def test_exports_go_when_they_hold_no_more(workspace: Workspace, change: Callable[..., None]) -> None:
    list(workspace.export(["session.json"]))
    assert [path.name for path in files_of(workspace)] == ["session.json"]
    change(workspace)
    assert workspace.view()["exports"] == []
    assert "session.json" not in [path.name for path in files_of(workspace)]


def test_undoing_the_active_object_leaves_one_that_there_is(workspace: Workspace) -> None:
    workspace.add_object()
    assert workspace.active == 2
    workspace.undo()
    assert workspace.active == 1
    workspace.redo()
    workspace.remove_object(1)
    assert workspace.active == 2


def test_a_video_that_no_session_can_begin_with_is_closed(
    workspace: Workspace, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Video] = []

    def refuse(model: object, video: Video) -> None:
        opened.append(video)
        raise PromptError("no")

    monkeypatch.setattr("sampt.app.workspace.InteractiveSession", refuse)
    with pytest.raises(PromptError, match="no"):
        workspace.open(clip, clip.name)
    with pytest.raises(VideoError, match="closed"):
        opened[0][0]
    assert workspace.view()["frames"] == 12, "what was open stays open"


def test_the_same_video_again_is_another_one(workspace: Workspace, clip: Path) -> None:
    before = workspace.view()
    workspace.open(clip, clip.name)
    after = workspace.view()
    assert (before["name"], before["frames"]) == (after["name"], after["frames"])
    assert before["video"] != after["video"]


@pytest.mark.parametrize("job", [Workspace.run, lambda workspace: workspace.export(["masks.zip"])])
def test_an_unexpected_error_ends_a_job_and_is_told(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    job: Callable[[Workspace], Any],
) -> None:
    pytest.importorskip("gradio", reason="the page needs the extra 'app'")
    from sampt.app.events import _reported

    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("sampt.methods.sam_pt.solver.PointSolver.finish", broken)
    monkeypatch.setattr("sampt.methods.sam_pt.solver.PointSolver.result", broken)
    *_, view = _reported(workspace, job(workspace))
    assert view["job"] is None and "Something went wrong" in view["note"]
    assert "ZeroDivisionError: a mistake of ours" in caplog.text
    assert files_of(workspace) == []


def test_half_a_character_is_no_name(workspace: Workspace) -> None:
    with pytest.raises(PromptError, match="character"):
        workspace.rename_object(1, "\ud83d")
    workspace.say("\ud83d is what somebody sent")
    json.dumps(workspace.view(), ensure_ascii=False).encode()
    assert list(workspace.export(["session.json", "points.json"])) == []
    assert set(workspace.exports) == {"session.json", "points.json"}
