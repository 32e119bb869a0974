"""Zip files for the servers that keep the annotations: DAVIS 2017 test-dev, YouTube-VOS, MOSE.

The servers expect palette PNGs whose indices are the ids of the given masks, in a folder for each sequence:
directly in the zip file or, for YouTube-VOS, in ``Annotations``.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from sampt._internal.files import replacing
from sampt._internal.names import first_few, plural
from sampt.errors import EvaluationError

from ..datasets.annotation import UNREADABLE, image_size, object_ids
from ..datasets.base import Progress, VosDataset, VosSequence
from .evaluation import result_folders

_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644 << 16
_UNIX = 3


def write_submission(
    dataset: VosDataset, results: Path, zip_path: Path, *, progress: Progress | None = None
) -> None:
    """Pack and check the results on a whole dataset; the zip file only appears if nothing is wrong.

    The same results give the same bytes.

    Args:
        dataset: the dataset.
        results: a folder with a folder of PNGs for each sequence, named like the frames.
        zip_path: the zip file to write.
        progress: called with how many sequences are checked, and how many there are.

    Raises:
        EvaluationError: results are missing or break a rule of the server; the error names the first
            problems.
        OutputError: the zip file cannot be written.
    """
    folders = result_folders(dataset, results)
    files: dict[str, Path] = {}
    for sequence in (dataset[name] for name in dataset.names):
        found = {name: folders[sequence.name] / Path(name).name for name in _expected(dataset, sequence)}
        if absent := [path for path in found.values() if not path.is_file()]:
            raise EvaluationError(
                f"{sequence.name} lacks {plural(len(absent), 'mask')} ({first_few(absent)}): "
                "finish the run first"
            )
        files |= found
    with replacing(zip_path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name in sorted(files):
                archive.writestr(_entry(name), files[name].read_bytes())
        if problems := check_submission(dataset, temporary, progress=progress):
            more = f" (and {plural(len(problems) - 3, 'more problem')})" if len(problems) > 3 else ""
            raise EvaluationError(
                f"the results in {results} cannot be submitted, so {zip_path.name} was not written: "
                f"{'; '.join(problems[:3])}{more}"
            )


def check_submission(dataset: VosDataset, zip_path: Path, *, progress: Progress | None = None) -> list[str]:
    """The problems for which the server would refuse a zip file or score it as wrong.

    The zip file must contain exactly the masks that belong in the results, each a palette PNG of its frame's
    size, with ids of the given objects from their appearance on.

    Args:
        dataset: the dataset.
        zip_path: the zip file.
        progress: called with how many sequences are checked, and how many there are.

    Returns:
        One sentence per problem; none if the file is fine.

    Raises:
        EvaluationError: the file cannot be read, or is not a zip file.
        DatasetError: something is wrong with the dataset.
    """
    sequences = [dataset[name] for name in dataset.names]
    expected = {sequence.name: _expected(dataset, sequence) for sequence in sequences}
    try:
        with zipfile.ZipFile(zip_path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            problems = list(_wrong_names(names, expected, _prefix(dataset)))
            for done, sequence in enumerate(sequences, start=1):
                problems += _wrong_masks(archive, expected[sequence.name], sequence, set(names))
                if progress:
                    progress(done, len(sequences))
    except (OSError, zipfile.BadZipFile) as error:
        raise EvaluationError(f"{zip_path} cannot be read as a zip file ({error}): write it again") from error
    return problems


def _prefix(dataset: VosDataset) -> str:
    return "Annotations/" if dataset.protocol == "youtube-vos" else ""


def _expected(dataset: VosDataset, sequence: VosSequence) -> dict[str, int]:
    """The names of a sequence's masks in the zip file, and the positions of their frames."""
    folder = f"{_prefix(dataset)}{sequence.name}"
    return {f"{folder}/{sequence.frames[position].stem}.png": position for position in sequence.saved}


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry that depends only on its name, without compression, since PNGs are compressed already."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system, entry.external_attr = _UNIX, _FILE_MODE
    return entry


def _wrong_names(names: list[str], expected: dict[str, dict[str, int]], prefix: str) -> Iterator[str]:
    present = set(names)
    known = {name for files in expected.values() for name in files}
    if present and not present & known:
        where = f"in a folder {prefix[:-1]}" if prefix else "directly"
        yield (
            f"none of its {len(present)} files is a mask of the dataset, such as {min(present)}: "
            f"put the folders of the sequences {where} in the zip file"
        )
        return
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        yield f"contained twice: {first_few(twice)}"
    for sequence, files in expected.items():
        absent = [name for name in files if name not in present]
        if len(absent) == len(files):
            yield f"the sequence {sequence} is missing"
        elif absent:
            yield f"{sequence} lacks {len(absent)} of its {len(files)} masks: {first_few(absent)}"
    extra = defaultdict(list)
    for name in sorted(present - known):
        extra[name.rpartition("/")[0]].append(name)
    for files_of_folder in extra.values():
        yield f"not a mask that the server expects: {first_few(files_of_folder)}"


def _wrong_masks(
    archive: zipfile.ZipFile, expected: dict[str, int], sequence: VosSequence, present: set[str]
) -> Iterator[str]:
    for name, position in expected.items():
        if name in present and (problem := _wrong_mask(archive.read(name), position, sequence)):
            yield f"{name} {problem}"


def _wrong_mask(data: bytes, position: int, sequence: VosSequence) -> str | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind, mode, size = image.format, image.mode, image.size[::-1]
            labels = np.array(image)
    except UNREADABLE:
        return "cannot be read as an image"
    if (kind, mode) != ("PNG", "P"):
        return f"is not a palette PNG, but a {kind} of mode {mode}"
    wanted = sequence.size or image_size(sequence.frames[position])
    if size != wanted:
        return "is {}x{}, but its frame is {}x{} pixels".format(*size[::-1], *wanted[::-1])
    ids = object_ids(labels)
    if strange := ids - sequence.appearances.keys():
        return f"has labels of no object: {first_few(sorted(strange))}"
    if early := [k for k in sorted(ids) if position < sequence.appearances[k]]:
        return f"has objects before they appear: {first_few(early)}"
    return None
