"""Zip files for the servers: what is in them, and what is said of wrong ones."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from sampt.benchmarks.vos.submission import check_submission, write_submission
from sampt.cli.submission import command
from sampt.errors import EvaluationError, OutputError
from sampt.prompts.label_maps import palette_image, write_label_map

from .vos_case import FRAMES, LATE, HandMade, labels, make_sequence, write_results

SAVED = range(0, FRAMES, 2)
Contents = dict[str, bytes]


@pytest.fixture
def dataset(tmp_path: Path) -> HandMade:
    names = ("car", "bus")
    sequences = {name: make_sequence(tmp_path / "data", name, range(1), saved=SAVED) for name in names}
    return HandMade(sequences, split="test-dev")


@pytest.fixture
def youtube(dataset: HandMade) -> HandMade:
    return HandMade(dataset.sequences, "youtubevos2019", "valid", "youtube-vos")


@pytest.fixture
def results(tmp_path: Path, dataset: HandMade) -> Path:
    for name in dataset.names:
        write_results(tmp_path / "results", dataset[name], offset=1)
    return tmp_path / "results"


def test_sequences_are_directly_in_the_zip_file(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    write_submission(dataset, results, tmp_path / "davis.zip")
    with zipfile.ZipFile(tmp_path / "davis.zip") as archive:
        assert archive.namelist() == [f"{name}/{t:05d}.png" for name in ("bus", "car") for t in SAVED]
        with Image.open(io.BytesIO(archive.read("car/00002.png"))) as image:
            assert image.mode == "P"
            assert (np.array(image) == labels(2, 1)).all()


def test_those_of_youtube_vos_are_in_a_folder(tmp_path: Path, youtube: HandMade, results: Path) -> None:
    write_submission(youtube, results, tmp_path / "youtube.zip")
    names = zipfile.ZipFile(tmp_path / "youtube.zip").namelist()
    assert names == [f"Annotations/{name}/{t:05d}.png" for name in ("bus", "car") for t in SAVED]


def test_masks_that_are_not_asked_for_stay_out(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    write_results(results, dataset["car"], frames=range(FRAMES))
    write_results(results, make_sequence(tmp_path / "data", "dog"))
    write_submission(dataset, results, tmp_path / "davis.zip")
    assert len(zipfile.ZipFile(tmp_path / "davis.zip").namelist()) == 2 * len(SAVED)
    assert check_submission(dataset, tmp_path / "davis.zip") == []


def test_the_same_results_give_the_same_bytes(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    write_submission(dataset, results, tmp_path / "one.zip")
    again = tmp_path / "again"
    for name in reversed(dataset.names):
        write_results(again, dataset[name], offset=1)
    write_submission(dataset, again, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert {entry.date_time for entry in zipfile.ZipFile(tmp_path / "one.zip").infolist()} == {
        (1980, 1, 1, 0, 0, 0)
    }


def png(array: np.ndarray, mode: str = "P") -> bytes:
    data = io.BytesIO()
    image = palette_image(array) if mode == "P" else Image.fromarray(array).convert(mode)
    image.save(data, "PNG")
    return data.getvalue()


def without_a_frame(files: Contents) -> None:
    del files["car/00002.png"]


def without_a_sequence(files: Contents) -> None:
    for t in SAVED:
        del files[f"bus/{t:05d}.png"]


def more_frames(files: Contents) -> None:
    files["car/00001.png"] = files["car/00003.png"] = png(labels(1))


def more_files(files: Contents) -> None:
    files["run.json"] = b"{}"


def one_folder_too_deep(files: Contents) -> None:
    for name in list(files):
        files[f"results/{name}"] = files.pop(name)


def grey(files: Contents) -> None:
    files["car/00002.png"] = png(labels(2), "L")


def gif(files: Contents) -> None:
    data = io.BytesIO()
    palette_image(labels(2)).save(data, "GIF")
    files["car/00002.png"] = data.getvalue()


def small(files: Contents) -> None:
    files["car/00002.png"] = png(labels(2)[::2, ::2])


def strange_label(files: Contents) -> None:
    files["car/00002.png"] = png(labels(2) * 3)


def too_early(files: Contents) -> None:
    files["car/00000.png"] = png(labels(0, late=0))


def cut_short(files: Contents) -> None:
    files["car/00002.png"] = files["car/00002.png"][:-30]


FAULTS: list[tuple[Callable[[Contents], None], str]] = [
    (without_a_frame, "car lacks 1 of its 3 masks: car/00002.png"),
    (without_a_sequence, "the sequence bus is missing"),
    (more_frames, "no mask that the server asks for: car/00001.png, car/00003.png"),
    (more_files, "no mask that the server asks for: run.json"),
    (
        one_folder_too_deep,
        "none of its 6 files is a mask of the dataset, such as results/bus/00000.png: "
        "the folders of the sequences have to be directly in the zip file",
    ),
    (grey, "car/00002.png is no palette PNG, but a PNG of mode L"),
    (gif, "car/00002.png is no palette PNG, but a GIF of mode P"),
    (small, "car/00002.png is 30x20, but its frame is 60x40 pixels"),
    (strange_label, "car/00002.png has labels that are no object's: 3, 6"),
    (too_early, "car/00000.png has objects before they appear: 2"),
    (cut_short, "car/00002.png cannot be read as an image"),
]


@pytest.mark.parametrize("spoil, problem", FAULTS)
def test_what_is_wrong_with_a_zip_file_is_said(
    tmp_path: Path, dataset: HandMade, results: Path, spoil: Callable[[Contents], None], problem: str
) -> None:
    write_submission(dataset, results, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    spoil(files)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert check_submission(dataset, tmp_path / "bad.zip") == [problem]


def test_folders_of_their_own_in_the_zip_file_are_fine(
    tmp_path: Path, dataset: HandMade, results: Path
) -> None:
    write_submission(dataset, results, tmp_path / "davis.zip")
    with zipfile.ZipFile(tmp_path / "davis.zip", "a") as archive:
        archive.writestr("car/", b"")
    assert check_submission(dataset, tmp_path / "davis.zip") == []


def test_a_mask_that_is_there_twice(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    write_submission(dataset, results, tmp_path / "davis.zip")
    with (
        zipfile.ZipFile(tmp_path / "davis.zip", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("car/00002.png", png(labels(2)))
    assert check_submission(dataset, tmp_path / "davis.zip") == ["there twice: car/00002.png"]


def test_every_problem_is_told(tmp_path: Path, dataset: HandMade) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("car/00000.png", png(labels(0) * 9))
        archive.writestr("car/00002.png", b"")
    assert len(check_submission(dataset, tmp_path / "bad.zip")) == 4


@pytest.mark.parametrize("content", [None, b"", b"PK no zip file"])
def test_a_file_that_is_no_zip_file_is_named(
    tmp_path: Path, dataset: HandMade, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(EvaluationError, match=r"bad\.zip cannot be read as a zip file"):
        check_submission(dataset, tmp_path / "bad.zip")


def test_damaged_bytes_in_the_zip_file_are_found(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    write_submission(dataset, results, tmp_path / "davis.zip")
    data = bytearray((tmp_path / "davis.zip").read_bytes())
    data[200] ^= 0xFF
    (tmp_path / "davis.zip").write_bytes(data)
    with pytest.raises(EvaluationError, match=r"davis\.zip cannot be read as a zip file .*CRC"):
        check_submission(dataset, tmp_path / "davis.zip")


def test_results_that_the_server_would_refuse_are_not_packed(
    tmp_path: Path, dataset: HandMade, results: Path
) -> None:
    write_label_map(results / "car" / "00000.png", labels(0, late=0))
    with pytest.raises(
        EvaluationError, match=r"davis\.zip was not written: car/00000\.png has objects before"
    ):
        write_submission(dataset, results, tmp_path / "davis.zip")
    assert list(tmp_path.glob("*.zip")) == list(tmp_path.glob(".*.zip")) == []


def test_an_earlier_zip_file_stays_where_a_new_one_is_refused(
    tmp_path: Path, dataset: HandMade, results: Path
) -> None:
    write_submission(dataset, results, tmp_path / "davis.zip")
    before = (tmp_path / "davis.zip").read_bytes()
    write_label_map(results / "car" / f"{LATE:05d}.png", labels(2) * 3)
    with pytest.raises(EvaluationError):
        write_submission(dataset, results, tmp_path / "davis.zip")
    assert (tmp_path / "davis.zip").read_bytes() == before


def test_missing_results_are_named(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    (results / "car" / "00004.png").unlink()
    with pytest.raises(EvaluationError, match=r"car lacks 1 mask \(.*car.00004\.png\): finish"):
        write_submission(dataset, results, tmp_path / "davis.zip")
    for file in (results / "bus").iterdir():
        file.unlink()
    with pytest.raises(EvaluationError, match=r"no results for 1 of the 2 .*\(bus\): finish"):
        write_submission(dataset, results, tmp_path / "davis.zip")


def test_a_place_that_cannot_be_written(tmp_path: Path, dataset: HandMade, results: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*davis\.zip"):
        write_submission(dataset, results, tmp_path / "nowhere" / "davis.zip")


def submission(tmp_path: Path, *arguments: object) -> Result:
    """``sampt submission`` on a dataset of one sequence, whose objects are given in the frames 0 and 2."""
    options = ("--dataset", "generic", "--root", tmp_path / "root", *arguments)
    return CliRunner().invoke(command, [str(option) for option in options])


def test_the_command_writes_a_zip_file_that_it_finds_right(tmp_path: Path) -> None:
    sequence = make_sequence(tmp_path / "root", annotated=range(0, LATE + 1, LATE))
    write_results(tmp_path / "results", sequence, offset=2)
    zip_path = tmp_path / "car.zip"
    written = submission(tmp_path, "--results", tmp_path / "results", "--output", zip_path)
    assert written.exit_code == 0, written.output
    assert zipfile.ZipFile(zip_path).namelist() == [f"car/{t:05d}.png" for t in range(FRAMES)]
    checked = submission(tmp_path, "--check", zip_path)
    assert (checked.exit_code, written.output) == (0, checked.output)
    assert checked.output.endswith("car.zip is complete and correct for generic all.\n")


def test_the_command_tells_every_problem_of_a_zip_file(tmp_path: Path) -> None:
    make_sequence(tmp_path / "root", annotated=range(0, LATE + 1, LATE))
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for t in range(FRAMES):
            archive.writestr(f"car/{t:05d}.png", png(labels(t) * (3 if t in (1, 4) else 1)))
    refused = submission(tmp_path, "--check", tmp_path / "bad.zip")
    assert isinstance(refused.exception, EvaluationError)
    assert "bad.zip would be refused or scored as wrong: 2 problems" in str(refused.exception)
    assert refused.output.splitlines() == [
        "Problem: car/00001.png has labels that are no object's: 3.",
        "Problem: car/00004.png has labels that are no object's: 3, 6.",
    ]


def test_the_command_counts_a_single_problem(tmp_path: Path) -> None:
    make_sequence(tmp_path / "root", annotated=range(0, LATE + 1, LATE))
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for t in range(FRAMES):
            archive.writestr(f"car/{t:05d}.png", png(labels(t) * (3 if t == 4 else 1)))
    refused = submission(tmp_path, "--check", tmp_path / "bad.zip")
    assert "scored as wrong: 1 problem in all;" in str(refused.exception)


@pytest.mark.parametrize(
    "arguments",
    [(), ("--results", "r"), ("--output", "z"), ("--check", "z", "--results", "r", "--output", "z")],
)
def test_the_command_either_writes_or_checks(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = submission(tmp_path, *arguments)
    assert refused.exit_code == 2
    assert "Give --results and --output to write a zip file, or --check" in refused.output
