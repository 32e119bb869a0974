"""Numbers of the papers and of SAM's own generator that settings start from."""

from __future__ import annotations

import inspect

from segment_anything import SamAutomaticMaskGenerator

from sampt import ProposalSettings
from sampt.benchmarks.interactive.annotator import SMALLEST_CLUSTER
from sampt.benchmarks.vis.settings import Redetect, VisSettings


def test_proposals_start_from_sams_own_defaults() -> None:
    theirs = inspect.signature(SamAutomaticMaskGenerator).parameters
    ours = ProposalSettings()
    shared = vars(ours).keys() & theirs.keys()
    assert len(shared) == 11
    assert {name: getattr(ours, name) for name in shared} == {name: theirs[name].default for name in shared}
    assert ours.max_masks == 100  # UVO counts up to so many


def test_a_masklet_is_weighed_by_its_proposal_and_looked_for_in_the_first_frame_alone() -> None:
    assert VisSettings().proposal_score is True
    assert VisSettings().objects_per_batch is None
    assert Redetect() == Redetect(every=None, overlap=0.5)


def test_clusters_of_errors_that_an_annotator_overlooks() -> None:
    """SAM-PT, supplement: points are added while a cluster of wrong pixels has at least 180."""
    assert SMALLEST_CLUSTER == 180
