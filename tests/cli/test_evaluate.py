"""``sampt evaluate --annotations``, and the folders it understands."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sampt.benchmarks.metrics.davis import contour_accuracy, region_similarity
from sampt.benchmarks.vos.evaluation import Evaluation, evaluate
from sampt.cli.evaluate import command
from sampt.errors import DatasetError, EvaluationError, SamptError

from .clips import FRAMES, SHAPE, labels, save, save_binary_clip, save_clip
from .conftest import Cli


def j_of(evaluation: Evaluation) -> dict[tuple[str, int], list[float]]:
    return {(scores.sequence, scores.object_id): scores.j.tolist() for scores in evaluation.objects}


def test_every_object_gets_the_measures_of_its_masks_without_the_first_and_the_last_frame(
    tmp_path: Path,
) -> None:
    evaluation = evaluate(save_clip(tmp_path / "results", offset=3), save_clip(tmp_path / "car"))
    assert [(o.sequence, o.object_id) for o in evaluation.objects] == [("car", 1), ("car", 2)]
    second = evaluation.objects[1]
    assert second.frames == tuple(f"{t:05d}.png" for t in range(1, FRAMES - 1))
    masks = [(labels(t, 3) == 2, labels(t) == 2) for t in range(1, FRAMES - 1)]
    assert second.j.tolist() == [region_similarity(*pair) for pair in masks]
    assert second.f.tolist() == [contour_accuracy(*pair) for pair in masks]


def test_means_count_every_object_the_same(tmp_path: Path) -> None:
    """A sequence of two objects, one missed, and one of one object, perfect."""
    save_binary_clip(tmp_path / "results" / "two", 1, mode="P")
    save_clip(tmp_path / "annotations" / "two")
    for folder in ("results", "annotations"):
        save_binary_clip(tmp_path / folder / "one", 1, mode="P")
    evaluation = evaluate(tmp_path / "results", tmp_path / "annotations")
    assert evaluation.table["J-Mean"].tolist() == [1, 1, 0]
    assert evaluation.means["J-Mean"] == pytest.approx(2 / 3)
    assert evaluation.means["J&F-Mean"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("results", ["results/car", "results/car/masks", "results"])
def test_results_may_be_masks_an_output_folder_or_a_folder_of_those(tmp_path: Path, results: str) -> None:
    save_clip(tmp_path / "results" / "car" / "masks", offset=2)
    annotations = save_clip(tmp_path / "annotations" / "car")
    expected = j_of(evaluate(save_clip(tmp_path / "plain", offset=2), annotations))
    assert j_of(evaluate(tmp_path / results, annotations)) == expected


def test_a_sequence_is_found_among_the_annotations_by_its_name(tmp_path: Path) -> None:
    save_clip(tmp_path / "annotations" / "bus", offset=4)
    save_clip(tmp_path / "annotations" / "car")
    evaluation = evaluate(save_clip(tmp_path / "results" / "car"), tmp_path / "annotations")
    assert evaluation.means["J-Mean"] == 1
    assert any("bus" in note for note in evaluation.notes)


def test_sequences_without_a_counterpart_are_left_out_and_named(tmp_path: Path) -> None:
    for name in ("car", "bus"):
        save_clip(tmp_path / "annotations" / name)
    for name in ("car", "tram"):
        save_clip(tmp_path / "results" / name)
    evaluation = evaluate(tmp_path / "results", tmp_path / "annotations")
    assert {o.sequence for o in evaluation.objects} == {"car"}
    assert [next(n for n in ("bus", "tram") if n in note) for note in evaluation.notes] == ["bus", "tram"]


@pytest.mark.parametrize(
    "ours, our_mode, truth, truth_mode",
    [(1, "P", 255, "L"), (7, "P", 255, "L"), (255, "L", 1, "P"), (255, "1", 255, "1"), (1, "L", 1, "P")],
)
def test_one_object_may_be_labelled_in_any_usual_way(
    tmp_path: Path, ours: int, our_mode: str, truth: int, truth_mode: str
) -> None:
    results = save_binary_clip(tmp_path / "results", ours, mode=our_mode)
    annotations = save_binary_clip(tmp_path / "annotations", truth, mode=truth_mode)
    assert list(j_of(evaluate(results, annotations)).values()) == [[1.0] * (FRAMES - 2)]


def test_all_labels_together_are_the_object_of_a_binary_annotation(tmp_path: Path) -> None:
    results = save_clip(tmp_path / "results")
    for t in range(FRAMES):
        save(tmp_path / "annotations" / f"{t:05d}.png", ((labels(t) > 0) * 255).astype(np.uint8), "L")
    assert evaluate(results, tmp_path / "annotations").means["J&F-Mean"] == 1


def test_255_among_the_palette_labels_of_an_annotation_is_no_object(tmp_path: Path) -> None:
    for t in range(FRAMES):
        array = labels(t)
        array[:3] = 255
        save(tmp_path / "annotations" / f"{t:05d}.png", array)
    evaluation = evaluate(save_clip(tmp_path / "results"), tmp_path / "annotations")
    assert [o.object_id for o in evaluation.objects] == [1, 2]
    assert evaluation.means["J&F-Mean"] == 1


def test_255_beside_the_only_object_of_a_palette_is_no_object(tmp_path: Path) -> None:
    for t in range(FRAMES):
        save(tmp_path / "car" / f"{t:05d}.png", np.where(labels(t) == 2, 255, labels(t)).astype(np.uint8))
    evaluation = evaluate(save_clip(tmp_path / "results"), tmp_path / "car")
    assert j_of(evaluation) == {("car", 1): [1.0] * (FRAMES - 2)}


def test_void_alone_is_no_object_once_there_were_ids(tmp_path: Path) -> None:
    annotations = save_binary_clip(tmp_path / "car", 1, mode="P")
    save(annotations / "00003.png", (labels(3) == 2).astype(np.uint8) * 255)
    (scores,) = evaluate(save_binary_clip(tmp_path / "results", 1, mode="P"), annotations).objects
    assert scores.j.tolist() == [1, 1, 0, 1]


def test_annotations_of_16_bits_are_as_good_as_those_of_8(tmp_path: Path) -> None:
    for t in range(FRAMES):
        save(tmp_path / "car" / f"{t:05d}.png", labels(t).astype(np.uint16), "I;16")
    evaluation = evaluate(save_clip(tmp_path / "results"), tmp_path / "car")
    assert j_of(evaluation) == {("car", k): [1.0] * (FRAMES - 2) for k in (1, 2)}


def test_a_missing_object_counts_as_empty(tmp_path: Path) -> None:
    results = save_binary_clip(tmp_path / "results", 1, mode="P")
    evaluation = evaluate(results, save_clip(tmp_path / "car"))
    assert j_of(evaluation) == {("car", 1): [1.0] * (FRAMES - 2), ("car", 2): [0.0] * (FRAMES - 2)}


def test_labels_that_no_annotation_has_are_named(tmp_path: Path) -> None:
    results = save_clip(tmp_path / "results")
    evaluation = evaluate(results, save_binary_clip(tmp_path / "car", 1, mode="P"))
    assert j_of(evaluation) == {("car", 1): [1.0] * (FRAMES - 2)}
    assert any("car" in note and note.endswith("have: 2.") for note in evaluation.notes)


def test_only_annotated_frames_count(tmp_path: Path) -> None:
    annotations = save_clip(tmp_path / "annotations", frames=range(0, FRAMES, 2))
    assert [o.frames for o in evaluate(save_clip(tmp_path / "results"), annotations).objects] == [
        ("00002.png",)
    ] * 2


def test_frames_are_in_natural_order(tmp_path: Path) -> None:
    for folder in ("results", "annotations"):
        for t in range(12):
            save(tmp_path / folder / f"{t}.png", labels(t))
    frames = evaluate(tmp_path / "results", tmp_path / "annotations").objects[0].frames
    assert frames == tuple(f"{t}.png" for t in range(1, 11))


def test_an_object_that_appears_later_is_scored_from_the_frame_after(tmp_path: Path) -> None:
    annotations = save_clip(tmp_path / "annotations")
    for t in range(2):
        save(annotations / f"{t:05d}.png", (labels(t) == 1).astype(np.uint8))
    first, second = evaluate(save_clip(tmp_path / "results"), annotations).objects
    assert first.frames[0] == "00001.png"
    assert second.frames == ("00003.png", "00004.png")


@pytest.mark.parametrize("without", [FRAMES - 2, FRAMES - 1])
def test_an_object_that_appears_too_late_is_named(tmp_path: Path, without: int) -> None:
    annotations = save_clip(tmp_path / "car")
    for t in range(without):
        save(annotations / f"{t:05d}.png", (labels(t) == 1).astype(np.uint8))
    evaluation = evaluate(save_clip(tmp_path / "results"), annotations)
    assert [o.object_id for o in evaluation.objects] == [1]
    (note,) = evaluation.notes
    assert "car" in note and note.endswith(": 2.")


def test_the_first_and_the_last_frame_need_no_prediction(tmp_path: Path) -> None:
    results = save_clip(tmp_path / "results", frames=range(1, FRAMES - 1))
    assert evaluate(results, save_clip(tmp_path / "annotations")).means["J&F-Mean"] == 1


def test_workers_change_nothing(tmp_path: Path) -> None:
    for k, name in enumerate(("car", "bus", "tram")):
        save_clip(tmp_path / "annotations" / name)
        save_clip(tmp_path / "results" / name, offset=k)
    ticks: list[tuple[int, int]] = []
    both = evaluate(
        tmp_path / "results", tmp_path / "annotations", workers=2, progress=lambda *tick: ticks.append(tick)
    )
    assert both.as_dict() == evaluate(tmp_path / "results", tmp_path / "annotations").as_dict()
    assert ticks == [(1, 3), (2, 3), (3, 3)]


def test_an_error_in_a_worker_reaches_the_caller(tmp_path: Path) -> None:
    for name in ("bus", "car"):
        save_clip(tmp_path / "annotations" / name)
        save_clip(tmp_path / "results" / name)
    (tmp_path / "results" / "car" / "00002.png").unlink()
    with pytest.raises(EvaluationError, match=r"car.00002\.png"):
        evaluate(tmp_path / "results", tmp_path / "annotations", workers=2)


def spoil_size(results: Path, annotations: Path) -> None:
    save(results / "00002.png", labels(2)[:, :-1])


def spoil_missing(results: Path, annotations: Path) -> None:
    (results / "00002.png").unlink()


def spoil_truncated(results: Path, annotations: Path) -> None:
    whole = (results / "00002.png").read_bytes()
    (results / "00002.png").write_bytes(whole[: len(whole) // 2])


def spoil_text(results: Path, annotations: Path) -> None:
    (results / "00002.png").write_text("not an image")


def spoil_colour(results: Path, annotations: Path) -> None:
    Image.effect_noise(labels(2).shape[::-1], 99).convert("RGB").save(results / "00002.png")


def spoil_soft_edges(results: Path, annotations: Path) -> None:
    save(annotations / "00002.png", labels(2) * 127 + 1, "L")


def spoil_short(results: Path, annotations: Path) -> None:
    for t in range(2, FRAMES):
        (annotations / f"{t:05d}.png").unlink()


def spoil_empty(results: Path, annotations: Path) -> None:
    for t in range(FRAMES):
        save(annotations / f"{t:05d}.png", np.zeros(SHAPE, np.uint8))


def spoil_results_folder(results: Path, annotations: Path) -> None:
    results.rename(results.with_name("elsewhere"))


def spoil_annotations_folder(results: Path, annotations: Path) -> None:
    for file in annotations.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (spoil_size, r"results.00002\.png .*59x40 .*60x40"),
        (spoil_missing, r"results.00002\.png"),
        (spoil_truncated, r"results.00002\.png"),
        (spoil_text, r"results.00002\.png"),
        (spoil_colour, r"results.00002\.png .*picture"),
        (spoil_soft_edges, r"annotations.00002\.png .*0 and 255"),
        (spoil_short, r"2 annotated frames .*annotations"),
        (spoil_empty, r".*annotations.*no object"),
        (spoil_results_folder, r".*results"),
        (spoil_annotations_folder, r".*annotations.*PNG"),
    ],
)
def test_what_cannot_be_scored_is_named_with_a_remedy(tmp_path: Path, spoil, sentence: str) -> None:
    results, annotations = save_clip(tmp_path / "results"), save_clip(tmp_path / "annotations")
    spoil(results, annotations)
    error: type[SamptError] = DatasetError if spoil is spoil_soft_edges else EvaluationError
    with pytest.raises(error, match=sentence):
        evaluate(results, annotations)


def test_folders_without_a_common_sequence_are_named(tmp_path: Path) -> None:
    save_clip(tmp_path / "annotations" / "car")
    save_clip(tmp_path / "results" / "bus")
    with pytest.raises(EvaluationError, match=r"results \(bus\).*annotations \(car\)"):
        evaluate(tmp_path / "results", tmp_path / "annotations")


def test_the_command_prints_per_cent_and_writes_every_frame(here: Cli, tmp_path: Path) -> None:
    save_clip(tmp_path / "results" / "car" / "masks", offset=3)
    save_clip(tmp_path / "annotations" / "car")
    save_clip(tmp_path / "annotations" / "bus")
    json_path = tmp_path / "scores.json"
    done = here(
        "evaluate",
        "--results",
        tmp_path / "results",
        "--annotations",
        tmp_path / "annotations",
        "--json",
        json_path,
    )
    assert done.returncode == 0, done.stderr
    # Moved by 3 of 12 and 3 of 10 rows, the objects have J 9/15 and 7/13.
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
    assert rows[0] == ["sequence", "object", "J&F", "J", "recall", "decay", "F", "recall", "decay"]
    assert [row[:2] + row[3:6] for row in rows if row[0] == "car"] == [
        ["car", "1", "60.0", "100.0", "0.0"],
        ["car", "2", "53.8", "100.0", "0.0"],
    ]
    assert "bus" in done.stderr
    written = json.loads(json_path.read_text())
    assert written["objects"][0]["J"] == pytest.approx([9 / 15] * (FRAMES - 2))
    assert written["means"]["J-Mean"] == pytest.approx((9 / 15 + 7 / 13) / 2)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["scores.json"]


def test_the_command_ends_with_one_sentence_and_code_2(here: Cli, tmp_path: Path) -> None:
    annotations = save_clip(tmp_path / "annotations")
    done = here("evaluate", "--results", tmp_path / "nowhere", "--annotations", annotations)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "nowhere" in done.stderr


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((), "--annotations"),
        (("--annotations", "a", "--dataset", "generic", "--root", "b"), "--annotations"),
        (("--dataset", "generic"), "--root"),
        (("--annotations", "a", "--csv", "c"), "--split, -d and --csv belong to them"),
        (("--dataset", "generic", "--root", "b", "--csv", "no/where"), "no/where"),
        (("--dataset", "generic", "--root", "b", "-d", "480p"), "-d 480p: give"),
    ],
)
def test_options_that_do_not_go_together(arguments: tuple[str, ...], sentence: str) -> None:
    refused = CliRunner().invoke(command, ["--results", "r", *arguments])
    assert refused.exit_code != 0
    assert sentence in refused.output + str(refused.exception)


def test_the_command_refuses_a_json_file_in_no_folder_before_scoring(here: Cli, tmp_path: Path) -> None:
    annotations = save_clip(tmp_path / "annotations")
    done = here(
        "evaluate",
        "--results",
        annotations,
        "--annotations",
        annotations,
        "--json",
        tmp_path / "nowhere" / "scores.json",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert str(tmp_path / "nowhere" / "scores.json") in done.stderr


def test_a_sequence_with_too_few_annotations_is_noted_and_the_rest_scored(here: Cli, tmp_path: Path) -> None:
    for name in ("long", "short"):
        save_clip(tmp_path / "results" / name)
        save_clip(tmp_path / "annotations" / name)
    for file in sorted((tmp_path / "annotations" / "short").glob("*.png"))[2:]:
        file.unlink()
    done = here("evaluate", "--results", tmp_path / "results", "--annotations", tmp_path / "annotations")
    assert done.returncode == 0
    assert "long" in done.stdout and "short is not scored" in done.stderr


@pytest.mark.parametrize("litter", ["._00001.png", "Thumbs.db", ".DS_Store"])
def test_what_file_managers_leave_behind_is_not_read(here: Cli, tmp_path: Path, litter: str) -> None:
    save_clip(tmp_path / "results" / "clip")
    save_clip(tmp_path / "annotations" / "clip")
    for folder in (tmp_path / "results", tmp_path / "annotations"):
        (folder / "__MACOSX").mkdir()
        (folder / "__MACOSX" / "._clip").write_bytes(b"x")
        (folder / "clip" / litter).write_bytes(b"x")
    done = here("evaluate", "--results", tmp_path / "results", "--annotations", tmp_path / "annotations")
    assert done.returncode == 0 and "Note" not in done.stderr


def test_masks_pair_by_name_whatever_the_case_of_their_suffix(here: Cli, tmp_path: Path) -> None:
    results, annotations = save_clip(tmp_path / "results"), save_clip(tmp_path / "annotations")
    for file in sorted(annotations.glob("*.png")):
        file.rename(file.with_suffix(".PNG"))
    done = here("evaluate", "--results", results, "--annotations", annotations)
    assert done.returncode == 0


def test_a_run_on_a_part_of_a_sequence_is_scored_where_it_ran(here: Cli, tmp_path: Path) -> None:
    annotations = save_clip(tmp_path / "annotations")
    masks = save_clip(tmp_path / "run" / "masks")
    (tmp_path / "run" / "result.json").write_text("{}")
    first, *_ = sorted(masks.glob("*.png"))
    first.unlink()
    done = here("evaluate", "--results", tmp_path / "run", "--annotations", annotations)
    assert done.returncode == 0 and "outside the part that was run" in done.stderr


def test_a_run_on_other_frames_is_refused_instead_of_scored(here: Cli, tmp_path: Path) -> None:
    annotations = save_clip(tmp_path / "annotations")
    masks = save_clip(tmp_path / "run" / "masks")
    (tmp_path / "run" / "result.json").write_text("{}")
    for file in sorted(masks.glob("*.png")):
        file.rename(file.with_name(f"frame_{file.name}"))
    done = here("evaluate", "--results", tmp_path / "run", "--annotations", annotations)
    assert done.returncode == 2 and "named like frame_" in done.stderr
