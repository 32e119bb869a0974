"""The numbers that proposals start from."""

from __future__ import annotations

import inspect

from segment_anything import SamAutomaticMaskGenerator

from sampt import ProposalSettings


def test_proposals_start_from_sams_own_defaults() -> None:
    theirs = inspect.signature(SamAutomaticMaskGenerator).parameters
    ours = ProposalSettings()
    shared = vars(ours).keys() & theirs.keys()
    assert len(shared) == 11
    assert {name: getattr(ours, name) for name in shared} == {name: theirs[name].default for name in shared}
    assert ours.max_masks == 100  # UVO counts up to so many
