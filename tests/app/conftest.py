"""The page in a real browser: a server in a subprocess, and what a person does with hands and eyes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter
from tests.browser import running_chromium

LIMIT = 60_000
"""Milliseconds after which something will not happen any more."""


class Server:
    """``sampt app`` in a process of its own, with a folder of its own for temporary files."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.temporary = folder
        self._errors = (folder.parent / f"{folder.name}.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sampt", "app", "--port", "0", *map(str, arguments)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(folder), "SAMPT_HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    @property
    def url(self) -> str:
        """Its address; waits until it is there."""
        if not hasattr(self, "_url"):
            assert self.process.stdout is not None
            found = re.search(r"http://\S+/", self.process.stdout.readline())
            assert found, Path(self._errors.name).read_text()
            self._url = found[0]
        return self._url

    @property
    def folders(self) -> list[Path]:
        """What the visitors who are there have."""
        return [p for p in self.temporary.glob("sampt-app-*/*") if p.name != "gradio"]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """End it, and its exit code."""
        self.end()
        code = self.process.wait(30)
        self._errors.close()
        if self.process.stdout:
            self.process.stdout.close()
        return code


Serve = Callable[..., Server]


@pytest.fixture(scope="package")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a server; all are stopped at the end."""
    pytest.importorskip("gradio", reason="the page needs the extra 'app'")
    servers = []

    def start(*arguments: object) -> Server:
        servers.append(Server(tmp_path_factory.mktemp("server"), *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.end()
    for server in servers:
        server.stop()


@pytest.fixture(scope="package")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=12, height=180, width=320, objects=2, seed=3)


@pytest.fixture(scope="package")
def clip(scene: SyntheticScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", scene)


def write_clip(path: Path, scene: SyntheticScene) -> Path:
    with VideoWriter(path, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    return path


@pytest.fixture(scope="package")
def server(serve: Serve) -> Server:
    """It shows no video at first, and takes only small ones."""
    return serve("--max-upload", "4MB", "--max-pages", "99")


class Visitor:
    """A person at the page; every deed ends when the page shows what came of it."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page, self.server = page, server
        self.requests: list[str] = []
        page.set_default_timeout(LIMIT)
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(server.url)
        page.wait_for_selector("#sampt-viewer[data-state=idle]")

    def open(self, clip: Path) -> None:
        self.page.set_input_files(".video-file", clip)
        self.shows(0)

    def data(self, name: str) -> str:
        return str(self.page.get_attribute("#sampt-viewer", f"data-{name}"))

    @property
    def frame(self) -> int:
        return int(self.data("frame"))

    @property
    def token(self) -> str:
        return next(url.split("/session/")[1].split("/")[0] for url in self.requests if "/session/" in url)

    def shows(self, frame: int, revision: int = -1) -> None:
        """Wait until a frame is on the screen, as of a revision or later."""
        self.page.wait_for_function(
            """([frame, revision]) => {
              const now = document.querySelector("#sampt-viewer")?.dataset;  // a page that loads has none yet
              return now && now.state === "idle" && now.frame === String(frame) && +now.revision >= revision;
            }""",
            arg=[frame, revision],
        )

    def after(self, act: Callable[[], object]) -> None:
        """Do something that changes pictures, and wait for the one on the screen."""
        frame, revision = self.frame, int(self.data("revision"))
        act()
        self.shows(frame, revision + 1)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the video is on the page."""
        box = self.page.locator("#sampt-viewer .frame svg").bounding_box()
        width, height = map(float, self.page.get_attribute(".frame svg", "viewBox").split()[2:])
        return box["x"] + (x + 0.5) / width * box["width"], box["y"] + (y + 0.5) / height * box["height"]

    def click(self, x: float, y: float, *, shift: bool = False, button: str = "left") -> None:
        """Click on a pixel of the video."""
        if shift:
            self.page.keyboard.down("Shift")
        self.after(lambda: self.page.mouse.click(*self.place(x, y), button=button))
        if shift:
            self.page.keyboard.up("Shift")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def scrub(self, frame: int) -> None:
        self.page.locator(".timeline input").fill(str(frame))
        self.shows(frame)

    def run(self) -> None:
        self.page.click("#sampt-run")
        self.page.wait_for_selector("text=All frames are done")
        self.page.wait_for_selector("#sampt-viewer[data-state=idle]")

    def points(self, where: str = "") -> list[str]:
        """The signs of the points that are seen, with their object: ``+1``."""
        drawn = self.page.locator(f".frame g.point{where}")
        return sorted(
            drawn.nth(k).get_attribute("data-sign") + drawn.nth(k).get_attribute("data-object")
            for k in range(drawn.count())
        )

    @property
    def note(self) -> str:
        return str(self.page.inner_text("#sampt-viewer .note"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Visitor]]:
    """Open a server's page in a browser profile of its own, and a video there."""
    contexts = []

    def open_page(server: Server, clip: Path | None = None) -> Visitor:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 860}))
        visitor = Visitor(contexts[-1].new_page(), server)
        if clip:
            visitor.open(clip)
        return visitor

    yield open_page
    for context in contexts:
        context.close()
