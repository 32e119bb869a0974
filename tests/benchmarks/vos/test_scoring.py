"""From a sequence and its predictions to the J and F of every object and frame, and whole datasets of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.benchmarks.metrics.davis import contour_accuracy, region_similarity
from sampt.benchmarks.vos.evaluation import evaluate_dataset
from sampt.benchmarks.vos.scoring import FrameScores, has_truth, score_sequence
from sampt.errors import EvaluationError
from sampt.prompts.label_maps import write_label_map

from .vos_case import FRAMES, LATE, SHAPE, HandMade, labels, make_sequence, write_results


def save_grey(path: Path, array: np.ndarray, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).convert(mode).save(path)


def test_objects_are_scored_from_the_annotated_frame_after_their_appearance_to_the_last(
    tmp_path: Path,
) -> None:
    sequence = make_sequence(tmp_path)
    first, second = score_sequence(sequence, write_results(tmp_path / "results", sequence, offset=3))
    assert first.frames == tuple(f"{t:05d}" for t in range(1, FRAMES))
    assert second.frames == tuple(f"{t:05d}" for t in range(LATE + 1, FRAMES))
    masks = [(labels(t, 3) == 2, labels(t) == 2) for t in range(LATE + 1, FRAMES)]
    assert second.j.tolist() == [region_similarity(*pair) for pair in masks]
    assert second.f.tolist() == [contour_accuracy(*pair) for pair in masks]
    assert (first.category, second.category) == ("dog", "flamingo")


def test_only_annotated_frames_are_scored(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path, annotated=range(0, FRAMES, 2))
    first, second = score_sequence(sequence, write_results(tmp_path / "results", sequence))
    assert (first.frames, second.frames) == (("00002", "00004"), ("00004",))


def test_frames_in_which_the_annotation_lacks_the_object_are_not_visible(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path)
    write_label_map(sequence.annotations[3], np.where(labels(3) == 1, 0, labels(3)).astype(np.uint8))
    first, second = score_sequence(sequence, write_results(tmp_path / "results", sequence))
    assert first.visible.tolist() == [True, True, False, True, True]
    assert first.j.tolist() == [1, 1, 0, 1, 1]
    assert second.visible.all()


def test_an_object_that_a_prediction_lacks_is_empty(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path)
    first, second = score_sequence(sequence, write_results(tmp_path / "results", sequence, late=FRAMES))
    assert first.j.tolist() == [1] * (FRAMES - 1)
    assert second.j.tolist() == second.f.tolist() == [0] * (FRAMES - LATE - 1)


def test_an_object_that_appears_in_the_last_frame_has_no_frames(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path, late=FRAMES - 1)
    _, second = score_sequence(sequence, write_results(tmp_path / "results", sequence))
    assert (second.object_id, second.frames, second.j.shape) == (2, (), (0,))


def test_scores_survive_json(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path, late=FRAMES - 1)
    for scores in score_sequence(sequence, write_results(tmp_path / "results", sequence, offset=2)):
        back = FrameScores.from_json("car", json.loads(json.dumps(scores.to_json())))
        for name, value in vars(scores).items():
            np.testing.assert_array_equal(getattr(back, name), value)
            assert not isinstance(value, np.ndarray) or getattr(back, name).dtype == value.dtype


def single(root: Path, values: dict[int, int], mode: str, palette: bool = False) -> Path:
    """A folder of annotations or predictions in which the labels of ``labels`` are written as ``values``."""
    for t in range(FRAMES):
        array = np.vectorize(lambda label: values.get(label, 0))(labels(t, late=0)).astype(np.uint8)
        if palette:
            root.mkdir(parents=True, exist_ok=True)
            write_label_map(root / f"{t:05d}.png", array)
        else:
            save_grey(root / f"{t:05d}.png", array, mode)
    return root


def of_one_object(sequence, folder: Path):
    """``sequence`` with one object, 1, that is anything above 0 in the annotations in ``folder``."""

    def read(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            return (np.array(image) > 0).astype(np.uint8)

    annotations = {t: folder / f"{t:05d}.png" for t in range(FRAMES)}
    return replace(sequence, appearances={1: 0}, annotations=annotations, read=read)


@pytest.mark.parametrize(
    "truth, ours, expected",
    [
        ({1: 255, 2: 255}, {1: 1, 2: 2}, 1),  # a binary annotation: all labels together are its object
        ({1: 255}, {1: 7}, 1),
        ({1: 1, 2: 2}, {1: 255, 2: 255}, 1),  # ids that the dataset takes for one object
        ({1: 1, 2: 2}, {1: 3, 2: 4}, 1),
        ({1: 1}, {1: 255}, 1),  # an id: a binary prediction is the only object
        ({1: 1}, {1: 1, 2: 2}, 1),
        ({1: 1}, {1: 7}, 0),  # but another label is not
        ({1: 1}, {2: 1}, 0),
    ],
)
def test_labels_that_are_the_only_object(
    tmp_path: Path, truth: dict[int, int], ours: dict[int, int], expected: float
) -> None:
    annotations = single(tmp_path / "truth", truth, "L", palette=255 not in truth.values())
    results = single(tmp_path / "results", ours, "L", palette=255 not in ours.values())
    (scores,) = score_sequence(of_one_object(make_sequence(tmp_path), annotations), results)
    assert scores.j.tolist() == [expected] * (FRAMES - 1)


def test_the_only_object_may_have_any_id(tmp_path: Path) -> None:
    sequence = replace(make_sequence(tmp_path, late=0), appearances={2: 0})
    (scores,) = score_sequence(sequence, write_results(tmp_path / "results", sequence, late=0))
    assert scores.j.tolist() == [1] * (FRAMES - 1)


def test_255_is_none_of_several_objects(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path, late=0)
    results = write_results(tmp_path / "results", sequence, late=0)
    write_label_map(results / "00003.png", np.where(labels(3) == 1, 255, labels(3)).astype(np.uint8))
    first, second = score_sequence(sequence, results)
    assert first.j.tolist() == [1, 1, 0, 1, 1]
    assert second.j.tolist() == [1] * (FRAMES - 1)


def test_results_of_16_bits_are_as_good_as_those_of_8(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path)
    results = write_results(tmp_path / "results", sequence, offset=3)
    eight = score_sequence(sequence, results)
    for file in results.iterdir():
        Image.fromarray(np.array(Image.open(file)).astype(np.uint16)).save(file)
    assert Image.open(file).mode == "I;16"
    assert [s.to_json() for s in score_sequence(sequence, results)] == [s.to_json() for s in eight]


def test_an_id_beside_void_is_no_binary_annotation(tmp_path: Path) -> None:
    """Another label than the only object's is not the object then."""
    sequence = make_sequence(tmp_path, late=0)
    results = write_results(tmp_path / "results", sequence, late=0)
    for t, path in sequence.annotations.items():
        write_label_map(path, np.where(labels(t, late=0) == 2, 255, labels(t)).astype(np.uint8))
    (scores,) = score_sequence(replace(sequence, appearances={1: 0}), results)
    assert scores.j.tolist() == [1] * (FRAMES - 1)


@pytest.mark.parametrize("annotated", [range(1), range(0, LATE + 1, LATE)])
def test_given_masks_are_no_truth(tmp_path: Path, annotated: range) -> None:
    sequence = make_sequence(tmp_path, annotated=annotated)
    results = write_results(tmp_path / "results", sequence)
    assert not has_truth(sequence)
    with pytest.raises(EvaluationError, match="car"):
        score_sequence(sequence, results)


def test_what_is_wrong_with_a_prediction_is_named(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path)
    results = write_results(tmp_path / "results", sequence)
    for spoil, named in (
        (lambda path: write_label_map(path, np.zeros(SHAPE[::-1], np.uint8)), "40x60.*60x40"),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), "image"),
        (lambda path: Image.effect_noise(SHAPE[::-1], 99).convert("RGB").save(path), "picture"),
        (Path.unlink, "missing"),
    ):
        spoil(results / "00003.png")
        with pytest.raises(EvaluationError, match=rf"car.00003\.png.*{named}"):
            score_sequence(sequence, results)


@pytest.fixture
def dataset(tmp_path: Path) -> HandMade:
    return HandMade({name: make_sequence(tmp_path / "data", name) for name in ("car", "bus", "tram")})


def test_a_dataset_is_scored_the_same_by_any_number_of_workers(tmp_path: Path, dataset: HandMade) -> None:
    for offset, name in enumerate(dataset.names):
        write_results(tmp_path / "results", dataset[name], offset=offset)
    ticks: list[tuple[int, int]] = []
    one, _ = evaluate_dataset(dataset, tmp_path / "results", progress=lambda *tick: ticks.append(tick))
    two, _ = evaluate_dataset(dataset, tmp_path / "results", workers=2)
    assert [s.to_json() for s in one] == [s.to_json() for s in two]
    assert [(s.sequence, s.object_id) for s in one] == [(n, k) for n in dataset.names for k in (1, 2)]
    assert one[0].j.mean() > one[2].j.mean() > one[4].j.mean()
    assert ticks == [(1, 3), (2, 3), (3, 3)]


def test_results_may_be_outputs_of_segment(tmp_path: Path, dataset: HandMade) -> None:
    for name in dataset.names:
        write_results(tmp_path / "plain", dataset[name])
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "plain" / name).rename(tmp_path / "results" / name / "masks")
    scores, _ = evaluate_dataset(dataset, tmp_path / "results")
    assert all(s.j.mean() == 1 for s in scores)


def test_sequences_without_results_are_named_before_anything_is_scored(
    tmp_path: Path, dataset: HandMade
) -> None:
    write_results(tmp_path / "results", dataset["car"], frames=range(1))
    with pytest.raises(EvaluationError, match=r"\b2\b.*\b3\b.*davis2017 val.*bus, tram"):
        evaluate_dataset(dataset, tmp_path / "results")
    with pytest.raises(EvaluationError, match="nowhere"):
        evaluate_dataset(dataset, tmp_path / "nowhere")


def test_one_seed_of_several_has_to_be_chosen(tmp_path: Path, dataset: HandMade) -> None:
    for seed in (0, 1):
        for name in dataset.names:
            write_results(tmp_path / "run" / f"seed-{seed}", dataset[name])
    with pytest.raises(EvaluationError, match=r"run.seed-0"):
        evaluate_dataset(dataset, tmp_path / "run")
    assert evaluate_dataset(dataset, tmp_path / "run" / "seed-1")[0]


def test_a_sequence_without_truth_is_noted_and_a_set_of_them_refused(
    tmp_path: Path, dataset: HandMade
) -> None:
    bare = make_sequence(tmp_path / "more", "bare", annotated=range(1))
    for sequence in (*dataset.sequences.values(), bare):
        write_results(tmp_path / "results", sequence)
    scores, notes = evaluate_dataset(HandMade({**dataset.sequences, "bare": bare}), tmp_path / "results")
    assert {s.sequence for s in scores} == set(dataset.names)
    assert len(notes) == 1 and "bare" in notes[0]
    with pytest.raises(EvaluationError, match=r"davis2017 test-dev.*`sampt submission`"):
        evaluate_dataset(HandMade({"bare": bare}, split="test-dev"), tmp_path / "results")
