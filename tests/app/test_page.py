"""The page in a real, headless Chromium."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sampt.app.scene import demo_scene
from sampt.methods.sam_pt.samplers import KMedoidsSampler
from sampt.prompts.query_points import QueryPoints
from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter

from .conftest import Server, Visitor

pytestmark = pytest.mark.xdist_group("browser")

Visit = Callable[..., Visitor]


def clicks(scene: SyntheticScene, frame: int, k: int, count: int) -> list[tuple[float, float]]:
    """Well spread points on an object."""
    sampler, rng = KMedoidsSampler(erosion=5), np.random.default_rng(0)
    return [tuple(xy) for xy in sampler.sample(scene[frame], scene.masks(frame)[k], count, rng).tolist()]


def mark_both(visitor: Visitor, scene: SyntheticScene, count: int = 2) -> None:
    for k in range(2):
        if k:
            visitor.after(lambda: visitor.page.click("#sampt-new"))
        for xy in clicks(scene, visitor.frame, k, count):
            visitor.click(*xy)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def download(visitor: Visitor, name: str) -> bytes:
    with visitor.page.expect_download() as started:
        visitor.page.click(f"#sampt-downloads a[download='{name}']")
    return Path(started.value.path()).read_bytes()


@pytest.mark.slow
def test_two_objects_from_clicks_to_files(visit: Visit, server: Server) -> None:
    visitor = visit(server)
    page, scene = visitor.page, demo_scene()
    page.click(".demo")
    visitor.shows(0)
    mark_both(visitor, scene)
    assert visitor.points() == ["+1", "+1", "+2", "+2"]
    page.locator("[data-object='1'] input").fill("left one")
    visitor.after(lambda: page.press("[data-object='1'] input", "Enter"))
    visitor.run()
    assert page.locator(".strip .done").evaluate("e => e.style.width") == "100%"

    visitor.scrub(45)
    assert len(visitor.points()) == 4, "tracked points are shown away from home"
    (correction,) = clicks(scene, 45, 1, 1)
    visitor.click(*correction)
    assert "other frames" in visitor.note, "what the correction touches has to be made again"
    assert page.locator(".strip .marked").count() == 2
    visitor.run()

    page.click("#sampt-export-part button")
    page.click("#sampt-export")
    page.wait_for_selector("#sampt-downloads a[download='session.json']")
    truth = {t: scene.masks(t) for t in range(len(scene))}
    with zipfile.ZipFile(io.BytesIO(download(visitor, "masks.zip"))) as masks:
        assert masks.namelist() == [f"{t:05d}.png" for t in truth]
        labels = {t: np.asarray(Image.open(masks.open(f"{t:05d}.png"))) for t in truth}
    scores = [[iou(labels[t] == k + 1, truth[t][k]) for t in truth] for k in range(2)]
    assert np.mean(scores, axis=1).min() > 0.85 and np.min(scores) > 0.6
    coco = json.loads(download(visitor, "coco.json"))
    assert [category["name"] for category in coco["categories"]] == ["left one", "object 2"]
    assert len(coco["images"]) == len(scene) and len(coco["annotations"]) == 2 * len(scene)
    points = QueryPoints.from_json(json.loads(download(visitor, "points.json")))
    np.testing.assert_allclose(points.objects[0].positives, clicks(scene, 0, 0, 2), atol=0.6)
    assert download(visitor, "overlay.mp4")[4:8] == b"ftyp"


def test_points_are_given_moved_and_taken_back(
    visit: Visit, server: Server, scene: SyntheticScene, clip: Path
) -> None:
    visitor = visit(server, clip)
    page, (x, y) = visitor.page, clicks(scene, 0, 0, 1)[0]
    visitor.click(x, y)
    visitor.click(5, 5, shift=True)
    assert visitor.points() == ["+1", "-1"]
    page.click("[data-mode=negative]")
    visitor.click(310, 170)
    assert visitor.points() == ["+1", "-1", "-1"]
    visitor.after(lambda: page.click("#sampt-undo"))
    assert visitor.points() == ["+1", "-1"]
    visitor.after(lambda: page.click("#sampt-redo"))
    assert visitor.points() == ["+1", "-1", "-1"]

    page.mouse.move(*visitor.place(5, 5))
    page.mouse.down()
    page.mouse.move(*visitor.place(40, 12), steps=3)
    visitor.after(page.mouse.up)
    moved = page.locator(".frame g.point[data-sign='-']").first.get_attribute("transform")
    assert [float(v) for v in re.findall(r"[\d.]+", moved)] == pytest.approx([40, 12], abs=0.6)

    visitor.click(40, 12, button="right")
    assert visitor.points() == ["+1", "-1"]
    page.click("[data-mode=remove]")
    visitor.click(310, 170)
    assert visitor.points() == ["+1"]
    visitor.after(lambda: page.click("[aria-label='Remove object 1']"))
    assert visitor.points() == [] and page.locator("#sampt-objects .object").count() == 0


def test_the_keyboard_does_everything(
    visit: Visit, server: Server, scene: SyntheticScene, clip: Path
) -> None:
    visitor = visit(server, clip)
    for key, frame in (
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", 11),
        ("Home", 0),
    ):
        visitor.press(key)
        visitor.shows(frame)
    visitor.press("Space")
    visitor.shows(11)
    visitor.page.click("[data-step='first']")
    visitor.shows(0)
    visitor.press("Space")
    visitor.shows(11)  # and not the button again that was clicked
    visitor.press("Home")
    visitor.shows(0)
    visitor.click(*clicks(scene, 0, 0, 1)[0])
    visitor.after(lambda: visitor.press("n"))
    visitor.press("x")
    visitor.click(5, 5)
    assert visitor.points() == ["+1", "-2"]
    visitor.press("1")
    visitor.page.wait_for_selector("[data-object='1'].active")
    visitor.after(lambda: visitor.press("Control+z"))
    assert visitor.points() == ["+1"]
    visitor.after(lambda: visitor.press("Control+y"))
    visitor.page.mouse.move(*visitor.place(5, 5))
    visitor.after(lambda: visitor.press("Delete"))
    assert visitor.points() == ["+1"]
    visitor.after(lambda: visitor.page.click("[aria-label='Remove object 1']"))
    visitor.after(lambda: visitor.press("n"))
    visitor.page.wait_for_selector("[data-object='1'].active")
    visitor.press("2")
    visitor.page.wait_for_selector("[data-object='2'].active")
    visitor.press("m")
    assert visitor.page.locator(".frame.bare").count() == 1
    visitor.page.click("#sampt-export-part button")
    visitor.page.click("#sampt-files input >> nth=0")
    visitor.press("ArrowRight")
    visitor.shows(1)


def test_a_run_can_be_cancelled_and_resumed(visit: Visit, server: Server) -> None:
    visitor = visit(server)
    page, scene = visitor.page, demo_scene()
    page.click(".demo")
    visitor.shows(0)
    assert page.inner_text(".of") == "of 0–59"
    visitor.click(*clicks(scene, 0, 0, 1)[0])
    page.click("#sampt-run")
    page.wait_for_selector("#sampt-progress >> text=/: [2-9] of 59/")
    visitor.press("Escape")
    page.wait_for_selector("text=/Stopped with \\d+ frames/")
    page.wait_for_selector("#sampt-viewer[data-state=idle]")
    left = int(re.findall(r"\d+", visitor.note)[0])
    assert 0 < left < 59
    page.click("#sampt-run")
    page.wait_for_selector(f"#sampt-progress >> text=/of {left}$/")
    visitor.press("Escape")
    page.wait_for_selector("text=/Stopped with \\d+ frames/")


def test_uploads_and_saved_sessions(
    visit: Visit, server: Server, scene: SyntheticScene, clip: Path, tmp_path: Path
) -> None:
    visitor = visit(server)
    page = visitor.page
    visitor.open(clip)
    assert "clip.mp4" in page.inner_text(".name")
    visitor.scrub(5)
    visitor.open(clip)  # another video, for all that the page knows: it begins with its first frame
    visitor.click(*clicks(scene, 0, 0, 1)[0])
    page.click("#sampt-export-part button")
    page.click("#sampt-export")
    page.wait_for_selector("#sampt-downloads a[download='session.json']")
    page.reload()
    visitor.shows(0)
    saved = tmp_path / "session.json"
    saved.write_bytes(download(visitor, "session.json"))
    visitor.after(lambda: page.click("[aria-label='Remove object 1']"))
    visitor.after(lambda: page.set_input_files(".session-file", saved))
    assert visitor.points() == ["+1"]

    other = tmp_path / "notes.mp4"
    other.write_text("no video at all")
    page.set_input_files(".video-file", other)
    page.wait_for_selector("text=/notes.mp4 .*WebM/")
    other.write_bytes(bytes(4_200_000))
    page.set_input_files(".video-file", other)
    page.wait_for_selector("text=is larger than the 4 MB")
    page.route("**/upload/session**", lambda route: route.fulfill(status=502, body="Bad Gateway"))
    page.set_input_files(".session-file", saved)
    page.wait_for_selector("text=Something went wrong (502)")
    assert visitor.points() == ["+1"], "what was open stays open"


def test_another_model_keeps_the_points(
    visit: Visit, server: Server, scene: SyntheticScene, clip: Path
) -> None:
    visitor = visit(server, clip)
    visitor.click(*clicks(scene, 0, 0, 1)[0])
    visitor.page.click("#sampt-model-part button")
    visitor.page.click("#sampt-tracker input")
    visitor.after(lambda: visitor.page.click("[role=option] >> text=lucas-kanade"))
    assert "lucas-kanade" in visitor.note and visitor.points() == ["+1"]
    for name, on in (("run", True), ("undo", True), ("redo", False), ("cancel", False)):
        assert visitor.page.is_enabled(f"#sampt-{name}") is on
    assert visitor.page.locator("[role=option] >> text=pips").count() == 0, "its weights are not here"


def test_a_long_video_is_not_loaded_into_the_page(visit: Visit, server: Server, tmp_path: Path) -> None:
    still = SyntheticScene(frames=1, height=48, width=64, objects=1)[0]
    path = tmp_path / "long.mp4"
    with VideoWriter(path, 25, (48, 64)) as writer:
        for t in range(2000):
            writer.write(np.roll(still, t, 1))
    visitor = visit(server, path)
    visitor.press("End")
    visitor.shows(1999)
    visitor.scrub(1000)
    visitor.click(30, 20)
    assert visitor.points() == ["+1"]
    assert sum("/frame/" in url for url in visitor.requests) < 10


def test_visitors_do_not_see_each_other(
    visit: Visit, server: Server, scene: SyntheticScene, clip: Path
) -> None:
    first, second = visit(server, clip), visit(server, clip)
    first.click(*clicks(scene, 0, 0, 1)[0])
    second.press("End")
    second.shows(11)
    assert first.points() == ["+1"] and second.points() == []
    assert second.page.locator("#sampt-objects .object").count() == 0
    theirs = f"{server.url}session/{first.token}/frame/0"
    assert second.page.request.get(theirs).status == 200, "the token is the key"
    first.page.reload()
    first.page.wait_for_selector("#sampt-viewer[data-state=idle][data-frame='0']")
    assert first.points() == ["+1"] and first.token in theirs, "a reloaded tab keeps its session"


def test_nothing_is_fetched_from_elsewhere(visit: Visit, server: Server) -> None:
    visitor = visit(server)
    hosts: set[Any] = {re.split("[:/]+", url)[1] for url in visitor.requests if url.startswith("http")}
    assert hosts == {"127.0.0.1"}
