"""Files that visitors send."""

from __future__ import annotations

import errno
from pathlib import Path

import av
import pytest

from sampt.app.uploads import check_container, parse_size
from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.errors import ConfigError, PromptError, VideoError

from .pages import files_of


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
