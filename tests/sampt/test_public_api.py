"""What ``from sampt import …`` gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sampt
from sampt import FrameResult, ObjectQuery, QueryPoints, SamPt, SyntheticScene


def test_dir_lists_what_can_be_imported() -> None:
    assert dir(sampt) == sorted(sampt.__all__)
    for name in dir(sampt):
        assert getattr(sampt, name) is not None
    for wanted in ("SamPt", "InteractiveSession", "VideoWriter", "save", "propose", "track", "load_config"):
        assert wanted in dir(sampt)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="SamPtt"):
        sampt.SamPtt  # noqa: B018


def test_importing_sampt_imports_next_to_nothing() -> None:
    code = (
        "import sampt, sys; print(sorted({'torch', 'numpy', 'cv2', 'omegaconf', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=6, height=72, width=96, objects=1, seed=1)


@pytest.fixture(scope="module")
def model() -> SamPt:
    return SamPt.from_config("quick")


@pytest.fixture(scope="module")
def queries(scene: SyntheticScene) -> QueryPoints:
    return QueryPoints.from_masks(scene.label_map(0))


def segmented(model: SamPt, video: object, queries: QueryPoints) -> list[FrameResult]:
    with model.stream(video, queries) as segmentation:  # type: ignore[arg-type]
        return list(segmentation)


def test_lists_and_iterators_give_what_the_video_gives(
    model: SamPt, scene: SyntheticScene, queries: QueryPoints
) -> None:
    expected = segmented(model, scene, queries)
    for given in (list(scene), iter(list(scene))):
        found = segmented(model, given, queries)
        assert [r.index for r in found] == [r.index for r in expected]
        for one, other in zip(found, expected, strict=True):
            assert (one.masks == other.masks).all()


def test_one_image(model: SamPt, scene: SyntheticScene, queries: QueryPoints) -> None:
    result = model.segment_image(scene[0], queries)
    assert result.index == 0 and (result[1].mask == scene.masks(0)[0]).all()


def test_objects_of_a_result_by_their_ids(model: SamPt, scene: SyntheticScene, queries: QueryPoints) -> None:
    result = segmented(model, scene, queries)[2]
    assert len(result) == 1 and result[1].mask is not None and len(result[1].points) > 0
    with pytest.raises(KeyError):
        result[7]


class TestQueries:
    def test_clicks_add_up(self) -> None:
        queries = QueryPoints.click(1, frame=3, xy=(4, 5)) + QueryPoints.click(1, 3, (6, 7), positive=False)
        queries += QueryPoints.from_box(2, frame=0, box=(0, 0, 9, 9))
        one, two = queries.objects
        assert (one.frame, one.positives.tolist(), one.negatives.tolist()) == (3, [[4, 5]], [[6, 7]])
        assert two.box is not None and two.box.tolist() == [0, 0, 9, 9]

    def test_an_object_has_one_query_frame_and_one_box(self) -> None:
        with pytest.raises(sampt.PromptError, match="object 1"):
            QueryPoints.click(1, 0, (1, 1)) + QueryPoints.click(1, 2, (1, 1))
        box = QueryPoints.from_box(1, 0, (0, 0, 4, 4))
        with pytest.raises(sampt.PromptError, match="object 1"):
            box + box


def test_a_segmentation_that_was_begun_is_not_saved(
    model: SamPt, scene: SyntheticScene, queries: QueryPoints, tmp_path: Path
) -> None:
    with model.stream(scene, queries) as segmentation:
        next(segmentation)
        with pytest.raises(sampt.OutputError, match="1 frame"):
            sampt.save(segmentation, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_segmentation_without_a_length_is_still_something(model: SamPt, queries: QueryPoints) -> None:
    frames = SyntheticScene(frames=2, height=72, width=96, objects=1, seed=1)
    with model.stream(iter(list(frames)), queries) as segmentation:
        assert segmentation


def test_everything_in_an_image_needs_an_image(model: SamPt) -> None:
    with pytest.raises(sampt.VideoError, match="float64"):
        sampt.propose(np.zeros((9, 9, 3)), model.segmenter)
    with pytest.raises(sampt.ConfigError, match="'mobile-sam'"):
        sampt.propose(np.zeros((9, 9, 3), np.uint8), "mobilesam")


def test_reprs_fit_a_line(model: SamPt, scene: SyntheticScene, queries: QueryPoints) -> None:
    with model.stream(scene, queries) as segmentation:
        result = next(segmentation)
        things = [model, segmentation, result, result[1], queries, *queries.objects]
        things += [sampt.InteractiveSession(model, scene), scene, sampt.load_config("quick")]
        things.append(QueryPoints(tuple(ObjectQuery(k, 0, [(1, 2)] * 300) for k in range(1, 200))))
    for thing in things:
        assert len(repr(thing)) < 110 and "\n" not in repr(thing) and "array" not in repr(thing)
