"""The page's parts by themselves, without Gradio and a browser."""

from __future__ import annotations

import errno
import json
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from sampt.app.model_menu import ModelMenu, PartNames
from sampt.app.scene import open_demo
from sampt.app.turns import Turns
from sampt.app.uploads import check_container, parse_size
from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.config import Config, load_config
from sampt.errors import ConfigError, PromptError, VideoError
from sampt.interactive.session import InteractiveSession
from sampt.synthetic.scene import SyntheticScene
from sampt.video.reader import Video

QUICK = PartNames("grabcut", "dis")


def settings(choice: PartNames) -> Config:
    return load_config("quick", [f"segmenter.name={choice.segmenter}", f"tracker.name={choice.tracker}"])


@pytest.fixture
def workspaces(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Workspaces:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "visitors"
    folder.mkdir()
    return make_workspaces(folder, clip)


def make_workspaces(folder: Path, clip: Path, **limits: Any) -> Workspaces:
    def ready(workspace: Workspace) -> None:
        workspace.open(clip, clip.name)

    return Workspaces(folder, ModelMenu(settings, QUICK), ready, **{"pages": 9, **limits})


def in_time(happens: Callable[[], bool]) -> bool:
    """Whether something happens within some seconds."""
    deadline = time.monotonic() + 20
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()


@pytest.fixture
def workspace(workspaces: Workspaces, scene: SyntheticScene) -> Workspace:
    """With a point on the first object."""
    made = workspaces.enter("page")
    rows, columns = np.nonzero(scene.masks(0)[0])
    made.add_point(0, float(columns.mean()), float(rows.mean()), True)
    return made


def files_of(workspace: Workspace) -> list[Path]:
    return [path for path in workspace.folder.rglob("*") if path.is_file()]


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
    with pytest.raises(VideoError, match=r"list\.m3u8"):
        check_container(playlist, playlist.name)
    check_container(clip, clip.name)


def test_only_what_needs_no_download_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    models = ModelMenu(settings, QUICK)
    assert models.segmenters == ["grabcut"] and models.trackers == ["lucas-kanade", "dis"]
    assert models[QUICK] is models[QUICK]
    with pytest.raises(ConfigError, match=r"sam-vit-b .*grabcut"):
        models[PartNames("sam-vit-b", "dis")]
    with pytest.raises(ConfigError, match="'pips'"):
        models[PartNames("grabcut", "pipps")]


def test_a_segmenter_is_there_once_whatever_the_tracker() -> None:
    models = ModelMenu(settings, QUICK)
    one, other = (models[PartNames("grabcut", tracker)] for tracker in ("dis", "lucas-kanade"))
    assert one.segmenter is other.segmenter and one.parts.tracker is not other.parts.tracker


def test_the_first_choice_is_offered_whatever_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    models = ModelMenu(settings, PartNames("mobile-sam", "pips"))
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


def test_leaving_removes_everything(workspaces: Workspaces, workspace: Workspace) -> None:
    run = workspace.run()
    next(run)
    workspaces.leave("page")
    assert list(run) == []
    assert not workspace.folder.exists() and workspaces.by_token(workspace.token) is None
    with pytest.raises(PromptError, match="reload"):
        workspaces.of("page")
    with pytest.raises(PromptError, match="reload"):
        workspace.picture(0)


def test_a_page_that_is_silent_for_too_long_loses_its_session(tmp_path: Path, clip: Path) -> None:
    workspaces = make_workspaces(tmp_path, clip, grace=0.5)
    silent, lively = workspaces.enter("silent"), workspaces.enter("lively")

    def gone() -> bool:
        assert workspaces.by_token(lively.token) is lively, "asking for it is a sign of life"
        return not silent.folder.exists()

    assert in_time(gone) and silent.closed
    assert time.monotonic() - silent.seen > 0.5
    assert in_time(lambda: not lively.folder.exists()), "and the other one's goes in its turn"


def test_a_reloaded_page_finds_its_session(workspaces: Workspaces, workspace: Workspace) -> None:
    assert workspaces.enter("reloaded", workspace.token) is workspace
    assert workspaces.of("reloaded").view()["objects"][0]["points"] == 1
    with pytest.raises(PromptError, match="reload"):
        workspaces.of("page")
    assert workspaces.enter("stranger", "no token") is not workspace


def test_pages_are_limited_in_number(tmp_path: Path, clip: Path) -> None:
    workspaces = make_workspaces(tmp_path, clip, pages=2)
    first, _ = workspaces.enter("one"), workspaces.enter("two")
    with pytest.raises(PromptError, match="2 pages"):
        workspaces.enter("three")
    assert workspaces.enter("one, reloaded", first.token) is first
    workspaces.leave("two")
    assert workspaces.enter("three").folder.is_dir()


def test_a_server_that_ends_waits_for_no_page(workspaces: Workspaces, workspace: Workspace) -> None:
    timer = workspaces._timer
    assert timer is not None and timer.daemon
    workspaces.close()
    assert not workspace.folder.exists()
    assert in_time(lambda: not timer.is_alive())
    with pytest.raises(PromptError, match="pages"):
        workspaces.enter("another")


def test_embeddings_of_all_pages_share_one_budget(workspaces: Workspaces, workspace: Workspace) -> None:
    second, third = workspaces.enter("second"), workspaces.enter("third")
    workspace.picture(0)
    size = workspace.embedding_bytes
    assert size > 0
    model = workspaces.models[QUICK]
    model.cache = replace(model.cache, host_bytes=2 * size)
    for other in (second, third):
        other.add_point(0, 90, 90, True)
        other.picture(0)
    assert [w.embedding_bytes for w in (workspace, second, third)] == [size, size, size]
    third.picture(0)
    assert [w.embedding_bytes for w in (workspace, second, third)] == [0, size, size]
    workspace.add_point(1, 90, 90, True)
    workspace.picture(1)
    third.picture(0)
    assert [w.embedding_bytes for w in (workspace, second, third)] == [size, 0, size]


def test_one_file_arrives_at_a_time_and_is_removed_if_it_fails(workspace: Workspace) -> None:
    with pytest.raises(KeyError), workspace.arriving() as path:
        path.write_bytes(b"half a video")
        with pytest.raises(PromptError, match="another file"), workspace.arriving():
            pass
        raise KeyError
    assert not path.exists()
    with workspace.arriving() as path:
        path.write_bytes(b"a video")
    assert path.exists()


def test_a_full_disk_is_told_in_a_sentence(
    workspaces: Workspaces, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fastapi = pytest.importorskip("fastapi", reason="the page needs the extra 'app'")
    testing = pytest.importorskip("fastapi.testclient")
    from sampt.app import routes

    async def receive(blocks: object, path: Path, most: int) -> None:
        path.write_bytes(b"half a video")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    before = files_of(workspace)
    monkeypatch.setattr(routes, "receive", receive)
    app = fastapi.FastAPI()
    app.include_router(routes.routes(workspaces, 1 << 20))
    with testing.TestClient(app) as client:
        answer = client.put(f"/session/{workspace.token}/upload/video", content=b"a video")
    assert answer.status_code == 507 and "No space left on device" in answer.json()["error"]
    assert str(workspace.folder) not in answer.text
    assert files_of(workspace) == before


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
