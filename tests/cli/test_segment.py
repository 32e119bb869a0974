"""``sampt segment`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle

from sampt.prompts.label_maps import davis_palette
from sampt.synthetic.scene import SyntheticScene, write_frames, write_masks

from .conftest import Cli


def label_maps(output: Path) -> list[np.ndarray]:
    return [np.array(Image.open(p)) for p in sorted((output / "masks").glob("*.png"))]


@pytest.fixture(scope="module")
def result(clip: Path, mask: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One full run, from a mask, that several tests look at."""
    output = tmp_path_factory.mktemp("run") / "out"
    command = ["segment", clip, "--mask", mask, "--output", output, "--coco", output.parent / "coco.json"]
    subprocess.run([sys.executable, "-m", "sampt", *map(str, command)], check=True, capture_output=True)
    return output


def test_every_frame_has_a_palette_mask_of_the_original_size(result: Path, scene: SyntheticScene) -> None:
    paths = sorted((result / "masks").iterdir())
    assert [p.name for p in paths] == [f"{t:05d}.png" for t in range(len(scene))]
    first = Image.open(paths[0])
    assert first.mode == "P"
    assert first.size == scene.size[::-1]
    np.testing.assert_array_equal(
        np.reshape(first.getpalette(), (-1, 3)), davis_palette()[: len(first.getpalette()) // 3]
    )


def test_masks_are_on_the_objects(result: Path, scene: SyntheticScene) -> None:
    labels = label_maps(result)
    for t in (3, 6):
        for k, truth in enumerate(scene.masks(t)):
            mine = labels[t] == k + 1
            assert (mine & truth).sum() / (mine | truth).sum() > 0.5


def test_the_given_mask_is_returned_at_its_frame(result: Path, scene: SyntheticScene) -> None:
    np.testing.assert_array_equal(label_maps(result)[0], scene.label_map(0))


def test_the_overlay_is_h264_of_all_frames(result: Path, scene: SyntheticScene) -> None:
    with av.open(str(result / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert sum(1 for _ in container.decode(stream)) == len(scene)


def test_the_summary_tells_scores_settings_versions_and_timings(result: Path, scene: SyntheticScene) -> None:
    summary = json.loads((result / "result.json").read_text())
    assert summary["finished"]
    assert summary["quality"] == "preview"
    assert [o["id"] for o in summary["objects"]] == [1, 2]
    assert all(len(o["scores"]) == len(o["visible_share"]) == len(scene) for o in summary["objects"])
    assert summary["settings"]["tracker"]["name"] == "dis"
    assert {"sampt", "torch", "numpy"} <= set(summary["versions"])
    assert {"track", "encode", "prompt", "write"} <= set(summary["seconds"])
    assert summary["encoder"]["frames"] == len(scene)


def test_trajectories_start_at_the_query_points(result: Path) -> None:
    points = {o["id"]: o for o in json.loads((result / "points.json").read_text())["objects"]}
    with np.load(result / "trajectories.npz") as tracks:
        first = slice(tracks["offsets"][0], tracks["offsets"][1])
        chosen = (tracks["object_id"][first] == 1) & tracks["positive"][first]
        np.testing.assert_allclose(tracks["xy"][first][chosen], points[1]["positive"], atol=1e-3)


def test_coco_masks_are_the_masks(result: Path) -> None:
    coco = json.loads((result.parent / "coco.json").read_text())
    labels = label_maps(result)
    for annotation in coco["annotations"]:
        counted = {**annotation["segmentation"], "counts": annotation["segmentation"]["counts"].encode()}
        expected = labels[annotation["image_id"]] == annotation["category_id"]
        np.testing.assert_array_equal(rle.decode(counted).astype(bool), expected)
    assert {a["category_id"] for a in coco["annotations"]} == {1, 2}


def test_points_file_written_by_a_run_reproduces_it(
    here: Cli, clip: Path, result: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    options = ("-o", "sampling.from_clicks=false", "-o", "reinit.strategy=null", "--max-frames", 4)
    first = here("segment", clip, "--points", result / "points.json", *options, "--output", again)
    assert first.returncode == 0, first.stderr
    second = here("segment", clip, "--points", again / "points.json", *options, "--output", tmp_path / "b")
    assert second.returncode == 0, second.stderr
    for a, b in zip(label_maps(again), label_maps(tmp_path / "b"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_clicks_stride_start_and_span(here: Cli, clip: Path, scene: SyntheticScene, tmp_path: Path) -> None:
    x, y = np.argwhere(scene.masks(4)[0])[:, ::-1].mean(0).round()
    done = here(
        "segment", clip, "--point", f"1:4:{x},{y}:+", "--point", "1:4:2,2:-", "--span", "1:4-6",
        "--start", 2, "--stride", 2, "--max-frames", 4, "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [p.stem for p in sorted((tmp_path / "out/masks").iterdir())]
    assert names == ["00002", "00004", "00006", "00008"]
    present = [bool(labels.any()) for labels in label_maps(tmp_path / "out")]
    assert not present[0]
    assert present[1]
    assert not present[3]


def test_a_box_is_enough(here: Cli, clip: Path, scene: SyntheticScene, tmp_path: Path) -> None:
    truth = scene.masks(0)[1]
    rows, columns = np.nonzero(truth)
    box = f"1:0:{columns.min()},{rows.min()},{columns.max()},{rows.max()}"
    done = here("segment", clip, "--box", box, "--max-frames", 2, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    mine = label_maps(tmp_path / "out")[0] == 1
    assert (mine & truth).sum() / (mine | truth).sum() > 0.5


def test_a_folder_with_results_is_not_overwritten_unasked(
    here: Cli, clip: Path, mask: Path, tmp_path: Path
) -> None:
    arguments = ("segment", clip, "--mask", mask, "--max-frames", 2, "--output", tmp_path / "out")
    assert here(*arguments).returncode == 0
    refused = here(*arguments)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert here(*arguments, "--overwrite").returncode == 0


def test_coco_may_lie_in_the_output_folder_whatever_its_name(
    here: Cli, clip: Path, mask: Path, tmp_path: Path
) -> None:
    output = tmp_path / "a:b [red]"
    done = here("segment", clip, "--mask", mask, "--max-frames", 2, "-O", output, "--coco", output / "c.json")
    assert done.returncode == 0, done.stderr
    assert str(output) in done.stderr
    assert {p.name for p in output.iterdir()} >= {"overlay.mp4", "c.json", "result.json"}


def test_another_sampler_starts_without_the_configured_ones_options(
    here: Cli, clip: Path, mask: Path, tmp_path: Path
) -> None:
    option = ("-o", "sampling.positive.name=random")
    done = here("segment", clip, "--mask", mask, "--max-frames", 2, "-O", tmp_path / "out", *option)
    assert done.returncode == 0, done.stderr


def test_points_at_the_very_edge_are_warned_of(sampt: Cli, clip: Path, tmp_path: Path) -> None:
    option = ("-o", "sampling.from_clicks=false", "--max-frames", 2)
    done = sampt("segment", clip, "--point", "1:0:0,40", "-O", tmp_path / "out", *option)
    assert done.returncode == 0, done.stderr
    assert "border" in done.stderr


def test_quiet_when_not_on_a_terminal(here: Cli, clip: Path, mask: Path, tmp_path: Path) -> None:
    done = here("segment", clip, "--mask", mask, "--max-frames", 2, "--output", tmp_path / "out")
    assert done.stdout == ""
    assert "\x1b" not in done.stderr
    assert "segmenting" not in done.stderr


@pytest.fixture
def images(scene: SyntheticScene, tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for t in range(4):
        Image.fromarray(scene[t]).save(folder / f"img_{t + 8}.png")
    return folder


@pytest.mark.parametrize("listed", ["img_*.png", "each", "."])
def test_images_by_a_pattern_a_list_or_a_folder(
    here: Cli, images: Path, mask: Path, tmp_path: Path, listed: str
) -> None:
    paths = sorted(images.iterdir()) if listed == "each" else [images / listed]
    done = here("segment", *paths, "--mask", mask, "--output", "out", "--coco", "coco.json")
    assert done.returncode == 0, done.stderr
    expected = [f"img_{n}.png" for n in (8, 9, 10, 11)]
    assert json.loads((tmp_path / "out/result.json").read_text())["frame_names"] == expected
    assert {p.name for p in (tmp_path / "out/masks").iterdir()} == set(expected)
    assert [i["file_name"] for i in json.loads((tmp_path / "coco.json").read_text())["images"]] == expected


def test_a_single_image(here: Cli, images: Path, mask: Path, tmp_path: Path) -> None:
    done = here("segment", images / "img_8.png", "--mask", mask, "--output", "out")
    assert done.returncode == 0, done.stderr
    assert [p.name for p in (tmp_path / "out/masks").iterdir()] == ["img_8.png"]


def test_a_mask_among_listed_images_is_refused(here: Cli, images: Path, mask: Path) -> None:
    (images / "00000.png").write_bytes(mask.read_bytes())
    for paths in ([images], sorted(images.iterdir()), [images / "*"]):
        done = here("segment", *paths, "--mask", images / "00000.png", "--output", "out")
        assert done.returncode == 2
        assert "00000.png" in done.stderr and "frames" in done.stderr


def test_a_doubtful_first_mask_is_named_before_the_run(here: Cli, tmp_path: Path) -> None:
    """Everything has the same colour, so that one click takes all of it."""
    for t in range(4):
        (tmp_path / "flat").mkdir(exist_ok=True)
        Image.fromarray(np.full((60, 90, 3), 120, np.uint8)).save(tmp_path / f"flat/{t:02d}.png")
    points = {"objects": [{"id": 1, "name": "dog", "frame": 0, "positive": [[45, 30]]}]}
    (tmp_path / "dog.json").write_text(json.dumps(points))
    result = here("segment", "flat", "--points", "dog.json", "--output", "out", "--no-overlay")
    assert result.returncode == 0, result.stderr
    doubt = "its first mask is far larger than its clicks suggest"
    assert result.stderr.index(f"Doubtful: object 1 'dog': {doubt};") < result.stderr.index(
        "Note: masks by grabcut"
    )
    assert "add points on and off the object, give a box, or use --segmenter mobile-sam" in result.stderr
    summary = json.loads((tmp_path / "out/result.json").read_text())
    assert summary["objects"][0]["first_mask_doubt"] == doubt


def test_what_is_worth_checking_is_named_at_the_end(here: Cli, tmp_path: Path) -> None:
    """The object jumps, and is lost."""
    scene = SyntheticScene(24, 120, 214, objects=1, seed=5, speed=6, leaving=False)
    write_frames(scene, tmp_path / "fast")
    write_masks(scene, tmp_path / "truth")
    arguments = ("--mask", "truth/00000.png", "--output", "out", "--no-overlay")
    result = here("segment", "fast", *arguments)
    assert "Worth checking: object 1, frames 6–23: " in result.stderr
    assert "better ones: --segmenter mobile-sam (a download of 41 MB)" in result.stderr
    summary = json.loads((tmp_path / "out/result.json").read_text())
    (stretch,) = summary["worth_checking"]
    assert (stretch["object_id"], stretch["first"], stretch["last"]) == (1, 6, 23)
    assert stretch["probability"] > 0.5
    doubt = summary["objects"][0]["doubt"]
    assert len(doubt) == 24
    assert max(doubt[:3]) < 0.3 < 0.5 < min(doubt[9:])


def test_mobile_sam_is_suggested_where_it_is_downloaded(
    here: Cli, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    click = ("segment", clip, "--point", "1:0:60,40", "--max-frames", "1", "--no-overlay")
    said = "MobileSAM is downloaded already: --segmenter mobile-sam gives better masks."
    assert said not in here(*click, "--output", "without").stderr
    weights = tmp_path / "home/weights/mobile_sam.pt"
    weights.parent.mkdir(parents=True)
    with weights.open("wb") as file:
        file.truncate(40_728_226)
    assert said in here(*click, "--output", "with").stderr
    assert said not in here(*click, "--segmenter", "grabcut", "--output", "asked").stderr
