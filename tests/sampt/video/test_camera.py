"""Network streams over real sockets, and cameras that do not exist."""

from __future__ import annotations

import socket
import sys
from itertools import count, takewhile

import numpy as np
import pytest

from sampt.errors import VideoError
from sampt.video.camera import Camera, is_live
from sampt.video.frames import open_frames
from sampt.video.sources import open_source

from .numbered import HEIGHT, WIDTH, number_of, numbered
from .streams import RATE, send_mjpeg, send_mpegts, serving

FRAMES = [numbered(n) for n in range(20)]


def numbers(camera: Camera) -> list[int]:
    return [number_of(camera[n]) for n in takewhile(camera.has, count())]


@pytest.mark.parametrize("send", [send_mpegts, send_mjpeg])
def test_all_frames_arrive_in_order(send) -> None:
    with serving(send, FRAMES) as address, open_source([address]) as camera:
        assert isinstance(camera, Camera)
        assert camera.size == (HEIGHT, WIDTH)
        assert numbers(camera) == list(range(20))
        assert camera.name == address


def test_times_are_those_of_the_sender() -> None:
    with serving(send_mpegts, FRAMES) as address, Camera(address) as camera:
        assert camera.fps == RATE
        numbers(camera)
        np.testing.assert_allclose([camera.timestamps[n] for n in range(20)], np.arange(20) / RATE, atol=1e-4)


def test_a_clip_of_a_camera_has_no_length() -> None:
    with serving(send_mpegts, FRAMES) as address, Camera(address) as camera:
        clip, opened = open_frames(camera)
        assert clip.endless and opened is None
        assert len(list(clip.positions())) == 20


def test_a_lost_stream_is_an_error_after_its_frames() -> None:
    lost = pytest.raises(VideoError, match=r"127\.0\.0\.1.* was lost after 19 frames \(Connection reset")
    with serving(send_mpegts, FRAMES, lost=True) as address, Camera(address) as camera, lost:
        numbers(camera)


def test_a_stream_that_sends_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampt.video.camera._PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(VideoError, match=r"cannot be opened \(no data for 0\.5 seconds\)"):
            Camera(address)


def test_nobody_listens_and_passwords_stay_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(VideoError, match="Connection refused") as refused:
        Camera(f"rtsp://me:secret@127.0.0.1:{port}/live")
    assert f"rtsp://127.0.0.1:{port}/live" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_what_is_not_video_is_refused() -> None:
    def send_text(client, frames, pause) -> None:
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"nothing to see\n" * 1000)

    with serving(send_text, FRAMES) as address, pytest.raises(VideoError, match="127\\.0\\.0\\.1"):
        Camera(address)


@pytest.mark.skipif(sys.platform != "linux", reason="cameras are found in another way")
def test_a_camera_that_does_not_exist() -> None:
    with pytest.raises(VideoError, match=r"camera 77 cannot be opened \(No such file or directory\)"):
        open_source(["77"])


def test_a_number_that_is_a_file_is_that_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_live("0") and is_live("rtsp://host/x") and is_live("HTTP://host/x")
    assert not is_live("clip.mp4") and not is_live("-1") and not is_live("٣") and not is_live("c:/clip.mp4")
    (tmp_path / "0").mkdir()
    assert not is_live("0")
    with pytest.raises(VideoError, match="0 holds no image"):
        open_source(["0"])


def test_a_stream_comes_alone() -> None:
    with pytest.raises(VideoError, match="give it on its own"):
        open_source(["a.jpg", "rtsp://host/x"])
