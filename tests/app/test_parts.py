"""The page's parts by themselves, without Gradio and a browser."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sampt.app.models import Choice, Models
from sampt.app.turns import Turns
from sampt.app.uploads import check_container, parse_size
from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.config import Config, load_config
from sampt.errors import ConfigError, PromptError, VideoError
from sampt.interactive import InteractiveSession
from sampt.synthetic import SyntheticScene

QUICK = Choice("grabcut", "dis")


def settings(choice: Choice) -> Config:
    return load_config("quick", [f"segmenter.name={choice.segmenter}", f"tracker.name={choice.tracker}"])


@pytest.fixture
def workspaces(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Workspaces:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "visitors"
    folder.mkdir()
    return Workspaces(folder, Models(settings, QUICK), lambda workspace: workspace.open(clip, clip.name))


@pytest.fixture
def workspace(workspaces: Workspaces, scene: SyntheticScene) -> Workspace:
    """With a point on the first object."""
    made = workspaces.enter("page")
    rows, columns = np.nonzero(scene.masks(0)[0])
    made.add_point(0, float(columns.mean()), float(rows.mean()), True)
    return made


def test_turns_are_taken_in_the_order_of_arrival() -> None:
    turns, order, threads = Turns(), [], []

    def take(name: int) -> None:
        with turns:
            order.append(name)

    with turns:
        for name in range(5):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            deadline = time.monotonic() + 10
            while len(turns._waiting) <= name and time.monotonic() < deadline:
                time.sleep(0.001)
    with turns:
        order.append(5)
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4, 5]


def test_turns_survive_an_exception() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns:
        raise KeyError
    with turns:
        pass


@pytest.mark.parametrize(
    ("text", "size"), [("5", 5), ("1kB", 1024), ("1.5 MB", 3 << 19), ("2GB", 2 << 30), ("1gib", 1 << 30)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1MB", "many", "1 PB", "0.1"])
def test_no_size_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="--max-upload"):
        parse_size(text)


def test_a_playlist_that_names_another_file_is_refused(clip: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1.0,\n{clip}\n#EXT-X-ENDLIST\n")
    with av.open(str(playlist)) as container:
        assert container.streams.video, "FFmpeg by itself reads what the playlist names"
    with pytest.raises(VideoError, match=r"list\.m3u8 is no video"):
        check_container(playlist, playlist.name)
    check_container(clip, clip.name)


def test_only_what_needs_no_download_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    models = Models(settings, QUICK)
    assert models.segmenters == ["grabcut"] and models.trackers == ["lucas-kanade", "dis"]
    assert models[QUICK] is models[QUICK]
    with pytest.raises(ConfigError, match="'sam-vit-b' is not installed here; choose one of grabcut"):
        models[Choice("sam-vit-b", "dis")]


def test_the_first_choice_is_offered_whatever_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    models = Models(settings, Choice("mobile-sam", "pips"))
    assert models.segmenters == ["grabcut", "mobile-sam"]
    assert models.trackers == ["lucas-kanade", "dis", "pips"]


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
    with pytest.raises(PromptError, match="going on already"):
        next(workspace.export(["session.json"]))
    workspace.cancel()
    assert list(run) == []
    assert list(workspace.export(["session.json"])) == []
    assert [entry["name"] for entry in workspace.view()["exports"]] == ["session.json"]


def test_a_second_export_does_not_disturb_the_first(workspace: Workspace) -> None:
    first = workspace.export(["masks.zip"])
    next(first)
    with pytest.raises(PromptError, match="going on already"):
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
    with pytest.raises(PromptError, match="nothing is marked yet"):
        next(workspace.run())
    with pytest.raises(PromptError, match="nothing to export"):
        next(workspace.export(["masks.zip"]))


def test_a_cancelled_export_leaves_no_file(workspace: Workspace) -> None:
    export = workspace.export(["masks.zip", "overlay.mp4", "coco.json"])
    next(export)
    workspace.cancel()
    assert list(export) == [] and workspace.exports == {}
    assert list((workspace.folder / "exports").iterdir()) == []


def test_exported_masks_are_those_of_the_session(workspace: Workspace, scene: SyntheticScene) -> None:
    list(workspace.run())
    list(workspace.export(["masks.zip", "coco.json"]))
    session = workspace._session
    assert isinstance(session, InteractiveSession)
    with zipfile.ZipFile(workspace.exports["masks.zip"]) as masks:
        for frame in range(len(scene)):
            labels = np.asarray(Image.open(masks.open(f"{frame:05d}.png")))
            np.testing.assert_array_equal(labels, session.frame(frame).label_map)
    areas = [entry["area"] for entry in json.loads(workspace.exports["coco.json"].read_text())["annotations"]]
    assert areas == [session.frame(frame).masks[0].sum() for frame in range(len(scene))]


def test_an_edit_takes_old_exports_away(workspace: Workspace) -> None:
    list(workspace.export(["session.json"]))
    workspace.undo()
    assert workspace.view()["exports"] == []


def test_undoing_the_active_object_leaves_one_that_there_is(workspace: Workspace) -> None:
    workspace.add_object()
    assert workspace.active == 2
    workspace.undo()
    assert workspace.active == 1
    workspace.redo()
    workspace.remove_object(1)
    assert workspace.active == 2


def test_whoever_leaves_leaves_nothing(workspaces: Workspaces, workspace: Workspace) -> None:
    run = workspace.run()
    next(run)
    workspaces.leave("page")
    assert list(run) == []
    assert not workspace.folder.exists() and workspaces.by_token(workspace.token) is None
    with pytest.raises(PromptError, match="reload"):
        workspaces.of("page")
    with pytest.raises(PromptError, match="reload"):
        workspace.picture(0)
