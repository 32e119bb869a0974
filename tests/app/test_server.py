"""What the running server gives, and what it refuses, whatever a client sends."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Serve, Server

pytestmark = pytest.mark.xdist_group("browser")  # they share its server

CRAFTED = (
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=../../../../etc/passwd",
    "/gradio_api/file=file:///etc/passwd",
    "/gradio_api/file=http://127.0.0.1/",
    "/gradio_api/file/etc/passwd",
    "/gradio_api/file%3D/etc/passwd",
    "/file=/etc/passwd",
    "/proxy=http://127.0.0.1/",
    "/gradio_api/proxy=http://127.0.0.1/",
    "/static/../../../../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static//etc/passwd",
    "/assets/%2fetc%2fpasswd",
    "/svelte/..%5c..%5cetc%5cpasswd",
    "/session/TOKEN/export/..%2f..%2f..%2fetc%2fpasswd",
    "/session/TOKEN/export/%2fetc%2fpasswd",
    "/session/TOKEN/export/session.json",
    "/session/TOKEN/frame/..%2f0",
    "/session/../etc/passwd",
    "/session//frame/0",
)


class Script:
    """What the page's script says to the server, without a browser and its good manners."""

    def __init__(self, server: Server, page: str, token: str | None = None) -> None:
        self.server, self.page, self.http = server, page, httpx.Client(base_url=server.url, timeout=60)
        dependencies = self.http.get("/config").json()["dependencies"]
        self._listeners = {d["api_name"]: d["id"] for d in dependencies}
        self.view = self.tell("load", data=(token,))["data"][0]
        self.token = self.view["token"]

    def tell(self, listener: str, sent: object = None, data: tuple[object, ...] = ()) -> dict[str, Any]:
        """What comes of an event, as Gradio words it."""
        return self._told("process_completed", listener, sent, data)

    def begin(self, listener: str) -> None:
        """Listen to what comes of an event up to its first report, and hang up."""
        self._told("process_generating", listener, None, ())

    def _told(self, wanted: str, listener: str, sent: object, data: tuple[object, ...]) -> dict[str, Any]:
        number = self._listeners[listener]
        body = {"fn_index": number, "data": list(data), "event_data": sent, "session_hash": self.page}
        joined = self.http.post(
            "/gradio_api/queue/join",
            content=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        assert joined.status_code == 200
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.page}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") == wanted:
                    return dict(message["output"])
        raise AssertionError("no answer")

    def put(self, kind: str, content: bytes, name: str = "clip.mp4") -> httpx.Response:
        return self.http.put(f"/session/{self.token}/upload/{kind}", params={"name": name}, content=content)


def raw(server: Server, target: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    """The answer to a path that is sent as it is, without the tidying up that clients do."""
    port = httpx.URL(server.url).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=60) as connection:
        request = f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


@pytest.fixture
def script(server: Server) -> Script:
    """Always the same page, reloaded: that is a new session."""
    return Script(server, "script")


@pytest.mark.parametrize("path", CRAFTED)
def test_crafted_paths_lead_nowhere(server: Server, script: Script, path: str) -> None:
    status, body = raw(server, path.replace("TOKEN", script.token))
    assert status in (400, 404, 422) and b"root:" not in body


def test_gradios_own_uploads_are_closed(server: Server) -> None:
    answer = httpx.post(f"{server.url}gradio_api/upload", files={"files": b"x"})
    assert answer.status_code == 404


def test_only_this_machines_names_are_answered(server: Server) -> None:
    status, body = raw(server, "/", host="evil.example")
    assert status == 421 and b"--host" in body
    for host in ("localhost", "LOCALHOST", "192.0.2.7", "[2001:db8::7]", socket.gethostname()):
        assert raw(server, "/", host=host)[0] == 200


def test_the_page_may_fetch_nothing_from_elsewhere(server: Server) -> None:
    policy = httpx.get(server.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy


def test_what_is_sent_is_limited(server: Server, script: Script) -> None:
    assert script.put("video", bytes(4_200_000)).status_code == 413
    chunks = (bytes(100_000) for _ in range(43))  # of unknown length beforehand
    target = f"/session/{script.token}/upload/video"
    assert script.http.put(target, content=chunks).status_code == 413
    assert not any(
        file for folder in server.folders for file in folder.iterdir() if file.stat().st_size > 4e6
    )


@pytest.mark.parametrize(
    ("count", "status", "reason"),
    [
        (5001, 422, "saved.json has 5,001 edits; it may have 5,000"),
        (40_000, 413, "2 MB"),
    ],
)
def test_saved_sessions_are_limited(script: Script, clip: Path, count: int, status: int, reason: str) -> None:
    script.put("video", clip.read_bytes())
    edits = [{"edit": "rename-object", "object_id": 1, "name": "one"}] * count
    video = {"frames": 12, "height": 180, "width": 320}
    content = json.dumps({"version": 1, "video": video, "edits": edits}).encode()
    answer = script.put("session", content, "saved.json")
    assert answer.status_code == status and reason in answer.json()["error"]


def test_a_video_that_is_replaced_is_removed(script: Script, server: Server, clip: Path) -> None:
    before = {file for folder in server.folders for file in folder.iterdir()}
    for _ in range(2):
        assert script.put("video", clip.read_bytes()).status_code == 200
    after = {file for folder in server.folders for file in folder.iterdir()}
    assert len(after - before) == 1


@pytest.mark.parametrize("kind", ["video", "session"])
def test_what_cannot_be_opened_is_removed(script: Script, server: Server, kind: str) -> None:
    before = {file for folder in server.folders for file in folder.iterdir()}
    answer = script.put(kind, b"/etc/passwd\n", "../../list.m3u8")
    assert answer.status_code == 422
    assert str(server.temporary) not in answer.json()["error"]
    assert {file for folder in server.folders for file in folder.iterdir()} == before


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {"action": "open", "file": "/etc/passwd"},
        {"action": "close"},
        {"action": "add-point", "frame": "0", "x": 1, "y": 1, "positive": True},
        {"action": "add-point", "frame": 0, "x": 1e300, "y": 1, "positive": True},
        {"action": "add-point", "frame": 99999, "x": 1, "y": 1, "positive": True},
        {"action": "add-point", "frame": 0, "x": -50, "y": 1, "positive": True},
        {"action": "remove-point", "point": 77, "frame": 0},
        {"action": "rename-object", "object_id": 9, "name": "x"},
        {"action": "add-object", "name": "\ud83d"},
        {"action": "\ud83d"},
        {"action": "select-object", "object_id": True},
    ],
)
def test_events_that_make_no_sense_change_nothing(script: Script, clip: Path, sent: object) -> None:
    assert script.put("video", clip.read_bytes()).status_code == 200
    view = script.tell("act", sent)["data"][0]
    assert view["objects"] == [] or view["objects"][0]["points"] == 0
    assert view["frames"] == 12


def test_no_file_is_exported_but_those_that_there_are(script: Script, clip: Path) -> None:
    script.put("video", clip.read_bytes())
    script.tell("act", {"action": "add-point", "frame": 0, "x": 90, "y": 90, "positive": True})
    assert "error" in script.tell("export", data=(["../../../etc/passwd"],))
    script.tell("export", data=(["session.json"],))
    assert script.http.get(f"/session/{script.token}/export/session.json").json()["version"] == 1
    assert script.http.get(f"/session/{script.token}/export/masks.zip").status_code == 404


def test_a_page_that_is_unknown_gets_nothing(server: Server, script: Script) -> None:
    script.page = "somebody-else"
    assert "reload" in script.tell("undo")["error"]
    assert script.http.get("/session/no-such-token/frame/0").status_code == 404


def test_a_broken_connection_ends_a_run_and_nothing_else(script: Script) -> None:
    script.tell("act", {"action": "demo"})
    point = {"action": "add-point", "frame": 0, "x": 300, "y": 150, "positive": True}
    before = script.tell("act", point)["data"][0]["revision"]
    script.begin("run")
    alive = f"/session/{script.token}/alive"
    deadline = time.monotonic() + 30
    while script.http.get(alive).json()["revision"] == before and time.monotonic() < deadline:
        time.sleep(0.05)
    view = Script(script.server, "reloaded", script.token).view
    assert view["token"] == script.token and view["job"] is None
    assert view["objects"][0]["points"] == 1 and view["pending"] > 0


def test_a_server_for_one_page_of_anybody_from_start_to_end(serve: Serve, clip: Path) -> None:
    server = serve(clip, "--host", "0.0.0.0", "--max-pages", "1")
    assert raw(server, "/", host="evil.example")[0] == 421
    first = Script(server, "one")
    assert (first.view["name"], first.view["frames"]) == ("clip.mp4", 12)
    assert "full" in Script(server, "two").view["note"]
    assert Script(server, "three", first.token).token == first.token, "it was only reloaded"
    assert len(server.folders) == 1
    assert server.stop() == 0
    assert not list(server.temporary.glob("sampt-app-*"))
