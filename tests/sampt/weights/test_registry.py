"""The table of checkpoints."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from sampt.errors import ConfigError
from sampt.weights.registry import CHECKPOINTS, Checkpoint, find_checkpoint

ALL = pytest.mark.parametrize("checkpoint", CHECKPOINTS.values(), ids=CHECKPOINTS)


def test_has_all_that_the_paper_needs() -> None:
    assert {
        *(f"{family}sam-vit-{size}" for family in ("", "hq-") for size in "blh"),
        *("hq-sam-light", "mobile-sam", "pips"),
        *("cotracker3", "cotracker3-offline", "cotracker2", "cotracker1"),
        *("raft-large", "raft-small", "raft-things", "raft-sintel"),
    } == set(CHECKPOINTS)


@ALL
def test_hash_and_size_are_whole_and_sourced(checkpoint: Checkpoint) -> None:
    assert re.fullmatch("[0-9a-f]{64}", checkpoint.sha256)
    assert checkpoint.size is None or checkpoint.size > 1_000_000
    assert checkpoint.source


@ALL
def test_urls_are_https_and_lead_to_the_file(checkpoint: Checkpoint) -> None:
    assert checkpoint.urls
    for url in checkpoint.urls:
        assert urlsplit(url).scheme == "https"
        assert urlsplit(url).path.endswith(f"/{checkpoint.file}")


@ALL
def test_hub_urls_name_a_commit(checkpoint: Checkpoint) -> None:
    """``main`` may move on; then the hash would no longer be the file's."""
    for url in checkpoint.urls:
        if "huggingface.co" in url:
            assert re.search(r"/resolve/[0-9a-f]{40}/", url)


@ALL
def test_licence_and_citation_are_stated(checkpoint: Checkpoint) -> None:
    assert checkpoint.licence
    assert re.search(r"20\d\d$", checkpoint.citation)
    assert checkpoint.commercial is (False if "NC" in checkpoint.licence else checkpoint.commercial)


def test_files_and_hashes_are_used_once() -> None:
    for values in zip(*((c.file, c.sha256, c.urls) for c in CHECKPOINTS.values()), strict=True):
        assert len(set(values)) == len(CHECKPOINTS)


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("sam-vit-b", "ec2df6273261"), ("sam-vit-l", "3adcc4315b64"), ("sam-vit-h", "a7bf3b02f3eb")],
)
def test_known_hashes(name: str, beginning: str) -> None:
    assert CHECKPOINTS[name].sha256.startswith(beginning)


@pytest.mark.parametrize("name", ["raft-large", "raft-small"])
def test_torchvisions_file_names_hold_the_hashes_beginning(name: str) -> None:
    checkpoint = CHECKPOINTS[name]
    assert checkpoint.file.endswith(f"-{checkpoint.sha256[:8]}.pth")


def test_torchvision_publishes_under_the_same_url() -> None:
    from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

    assert CHECKPOINTS["raft-large"].urls == (Raft_Large_Weights.DEFAULT.url,)
    assert CHECKPOINTS["raft-small"].urls == (Raft_Small_Weights.DEFAULT.url,)


def test_an_unknown_name_is_answered_with_a_known_one() -> None:
    with pytest.raises(ConfigError, match=r"'mobile-sam'"):
        find_checkpoint("mobilesam")
