"""Known checkpoints: their addresses, SHA-256, licences and citations."""

from __future__ import annotations

from dataclasses import dataclass

from sampt._internal.names import unknown_name
from sampt.errors import ConfigError


@dataclass(frozen=True)
class Checkpoint:
    """Published file of weights.

    Attributes:
        name: name for users: the segmenter or tracker it belongs to.
        file: file name in the folder of weights and on a mirror.
        urls: addresses, tried in order.
        sha256: SHA-256 of the whole file, 64 hex digits.
        size: size in bytes; None if unknown.
        licence: licence of the weights, as their publisher states it.
        commercial: whether the licence allows commercial use; None if nothing is stated.
        citation: the paper to cite.
        source: where ``sha256`` and ``size`` were found.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    sha256: str
    size: int | None
    licence: str
    commercial: bool | None
    citation: str
    source: str


_HUB = "https://huggingface.co"
_MOBILE_SAM = "https://github.com/ChaoningZhang/MobileSAM/raw/01ea8d0f5590082f0c1ceb0a3e2272593f20154b"
# Revisions of the hub are named by their commit, so their content cannot change.
_HQ_SAM = f"{_HUB}/lkeab/hq-sam/resolve/a3a77cd0a2e5e50eaa76faccf61b964732d9b35f"
_COTRACKER3 = f"{_HUB}/facebook/cotracker3/resolve/a304f912a43a3f37a81256e55243137d60d223b7"

_SAM_PAPER = "Kirillov et al., Segment Anything, ICCV 2023"
_HQ_SAM_PAPER = "Ke et al., Segment Anything in High Quality, NeurIPS 2023"
_MOBILE_SAM_PAPER = (
    "Zhang et al., Faster Segment Anything: Towards Lightweight SAM for Mobile Applications, "
    "arXiv 2306.14289, 2023"
)
_COTRACKER_PAPER = "Karaev et al., CoTracker: It is Better to Track Together, ECCV 2024"
_COTRACKER1_PAPER = "Karaev et al., CoTracker: It is Better to Track Together, arXiv 2307.07635v1, 2023"
_COTRACKER3_PAPER = (
    "Karaev et al., CoTracker3: Simpler and Better Point Tracking by Pseudo-Labelling Real Videos, "
    "arXiv 2410.11831, 2024"
)
_PIPS_PAPER = (
    "Harley et al., Particle Video Revisited: Tracking Through Occlusions Using Point Trajectories, ECCV 2022"
)
_RAFT_PAPER = "Teed and Deng, RAFT: Recurrent All-Pairs Field Transforms for Optical Flow, ECCV 2020"

_SAM_SOURCE = (
    "the table of checksums in micro_sam/util.py (computational-cell-analytics/micro-sam), and the Git LFS "
    "record of the copy huggingface.co/mashb1t/misc; its MD5 is part of the file's name"
)
_HQ_SAM_SOURCE = "the Git LFS record of the authors' own huggingface.co/lkeab/hq-sam"
_COTRACKER_SOURCE = "the Git LFS record of Meta's own huggingface.co/facebook/"
_TORCHVISION_SOURCE = (
    "its first 8 digits: torchvision, in the file's name; the rest: the Git LFS record of the copy "
    "huggingface.co/hr16/RAFT-v2, which begins with them"
)
_PRINCETON_SOURCE = (
    "the Git LFS record of the copy huggingface.co/ddrfan/RAFT, equal to what public projects record of the "
    "file in princeton-vl's models.zip; that archive is the only official download, hence the copies' URLs"
)


def _sam(size_name: str, file: str, sha256: str, size: int) -> Checkpoint:
    url = f"https://dl.fbaipublicfiles.com/segment_anything/{file}"
    name = f"sam-vit-{size_name}"
    return Checkpoint(name, file, (url,), sha256, size, "Apache-2.0", True, _SAM_PAPER, _SAM_SOURCE)


def _hq_sam(name: str, file: str, sha256: str, size: int) -> Checkpoint:
    url = f"{_HQ_SAM}/{file}"
    return Checkpoint(name, file, (url,), sha256, size, "Apache-2.0", True, _HQ_SAM_PAPER, _HQ_SAM_SOURCE)


def _cotracker(name: str, url: str, sha256: str, size: int, citation: str) -> Checkpoint:
    file, repository = url.rsplit("/", 1)[-1], url.split("/")[4]
    source = _COTRACKER_SOURCE + repository
    return Checkpoint(name, file, (url,), sha256, size, "CC-BY-NC-4.0", False, citation, source)


# RAFT's weights are trained on data for research; both publishers state only the licence of the code.
def _raft(name: str, file: str, folders: tuple[str, ...], sha256: str, size: int, source: str) -> Checkpoint:
    urls = tuple(f"{folder}/{file}" for folder in folders)
    return Checkpoint(name, file, urls, sha256, size, "BSD-3-Clause (code)", None, _RAFT_PAPER, source)


_ALL = (
    _sam(
        "b",
        "sam_vit_b_01ec64.pth",
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        375_042_383,
    ),
    _sam(
        "l",
        "sam_vit_l_0b3195.pth",
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        1_249_524_607,
    ),
    _sam(
        "h",
        "sam_vit_h_4b8939.pth",
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        2_564_550_879,
    ),
    _hq_sam(
        "hq-sam-vit-b",
        "sam_hq_vit_b.pth",
        "14a9d662cd6f5a9c2dba6d40ab0058d88d287e4a18fd6fdc6ad5fb1a3fdeaa57",
        379_335_069,
    ),
    _hq_sam(
        "hq-sam-vit-l",
        "sam_hq_vit_l.pth",
        "e1a6c385d62bf005ded91a54d5ec55c985cfc4103ef89c08d90f39f04934c343",
        1_254_865_805,
    ),
    _hq_sam(
        "hq-sam-vit-h",
        "sam_hq_vit_h.pth",
        "a7ac14a085326d9fa6199c8c698c4f0e7280afdbb974d2c4660ec60877b45e35",
        2_570_940_653,
    ),
    _hq_sam(
        "hq-sam-light",
        "sam_hq_vit_tiny.pth",
        "0f32c075ccdd870ae54db2f7630e7a0878ede5a2b06d05d6fe02c65a82fb7196",
        42_526_881,
    ),
    Checkpoint(
        "mobile-sam",
        "mobile_sam.pt",
        (
            f"{_MOBILE_SAM}/weights/mobile_sam.pt",
            f"{_HUB}/spaces/dhkim2810/MobileSAM/resolve/032c1758553e0ebd7439ec0a30b5ecebc63c5009/mobile_sam.pt",
        ),
        "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        40_728_226,
        "Apache-2.0",
        True,
        _MOBILE_SAM_PAPER,
        "the Git LFS record of an author's own huggingface.co/spaces/dhkim2810/MobileSAM",
    ),
    _cotracker(
        "cotracker3-offline",
        f"{_COTRACKER3}/scaled_offline.pth",
        "2670d4562ed69326dda775a26e54883925cd11b6fc9b24cb7aa9f8078bce7834",
        101_890_938,
        _COTRACKER3_PAPER,
    ),
    _cotracker(
        "cotracker3",
        f"{_COTRACKER3}/scaled_online.pth",
        "205d34789f19699d64b22cf93f9b697f15f28d4025240e31532e504109837218",
        101_695_610,
        _COTRACKER3_PAPER,
    ),
    _cotracker(
        "cotracker2",
        f"{_HUB}/facebook/cotracker/resolve/0929e4cc039678dd052c1b2fdc10c683cd1fe380/cotracker2.pth",
        "362f5274376d610dc987b6daf2c2fefe63e06e1835f4ec1a10d0a15c5a4eef4f",
        204_396_415,
        _COTRACKER_PAPER,
    ),
    Checkpoint(
        "cotracker1",
        "cotracker_stride_4_wind_8.pth",
        ("https://dl.fbaipublicfiles.com/cotracker/cotracker_stride_4_wind_8.pth",),
        "dbb9006c0dc89479c34993ac23d37ae0af13deac18be6028009d7483754b2fc3",
        96_660_885,
        "CC-BY-NC-4.0",
        False,
        _COTRACKER1_PAPER,
        "the Git LFS record of a copy of July 2023, github.com/hugoycj/co-tracker_MVP; Meta publishes none",
    ),
    Checkpoint(
        "pips",
        "model-000200000.pth",
        (f"{_HUB}/aharley/pips/resolve/9c535be5d9713f54e8c8e9c40ae00d60b1357719/model-000200000.pth",),
        "8754dc92c12547f48874fcfb250a0cd914961d26ff561430f8e05d50945f7248",
        344_375_489,
        "MIT",
        True,
        _PIPS_PAPER,
        "the Git LFS record of the author's own huggingface.co/aharley/pips",
    ),
    _raft(
        "raft-large",
        "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
        ("https://download.pytorch.org/models",),
        "ff5fadd56d26b40647388883af1547351ea17868b765c05b27231e72dd16a322",
        21_106_607,
        _TORCHVISION_SOURCE,
    ),
    _raft(
        "raft-small",
        "raft_small_C_T_V2-01064c6d.pth",
        ("https://download.pytorch.org/models",),
        "01064c6dba73b0fc9fc8edf772248560a00a3acfd62ac6677e9eeebad9680e27",
        4_006_189,
        _TORCHVISION_SOURCE,
    ),
    _raft(
        "raft-things",
        "raft-things.pth",
        (
            "https://github.com/sczhou/ProPainter/releases/download/v0.1.0",
            f"{_HUB}/ddrfan/RAFT/resolve/bfb9a87633743408b9c13c20b9ed43dbe5b83617",
        ),
        "fcfa4125d6418f4de95d84aec20a3c5f4e205101715a79f193243c186ac9a7e1",
        21_108_000,
        _PRINCETON_SOURCE,
    ),
    _raft(
        "raft-sintel",
        "raft-sintel.pth",
        (f"{_HUB}/ddrfan/RAFT/resolve/bfb9a87633743408b9c13c20b9ed43dbe5b83617",),
        "90630d2e7d488a0d3ccb5e8194524850c4c05c732ea4ff99799822c7fa5c5cbf",
        21_108_000,
        _PRINCETON_SOURCE,
    ),
)

CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in _ALL}


def find_checkpoint(name: str) -> Checkpoint:
    """The checkpoint called ``name``.

    Raises:
        ConfigError: there is no such checkpoint; names the closest.
    """
    if name not in CHECKPOINTS:
        raise ConfigError(unknown_name("checkpoint", name, CHECKPOINTS))
    return CHECKPOINTS[name]
