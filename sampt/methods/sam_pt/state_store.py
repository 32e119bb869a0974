"""Store of states on disk, for frames that are computed in another order than they are needed."""

from __future__ import annotations

from pathlib import Path

import torch

from sampt.errors import OutputError
from sampt.methods.frame_points import FramePoints

from .prompting import ObjectState, States


class StateStore:
    """Store of states by position in the clip, each in a file until it is taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, position: int, states: States) -> None:
        """Store the states of a position.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
        """
        if not states:
            return
        stored = {
            k: (
                torch.from_numpy(s.points.xy),
                torch.from_numpy(s.points.positive),
                torch.from_numpy(s.points.visibility),
                s.low_res,
                s.score,
                s.lost,
                None if s.placed is None else torch.from_numpy(s.placed),
            )
            for k, s in states.items()
        }
        try:
            torch.save(stored, self.folder / f"{position}.pt")
        except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
            raise OutputError(
                f"cannot keep masks for the forward pass in {self.folder}; free space there, or set TMPDIR"
            ) from error

    def take(self, position: int) -> States:
        """Remove and return the states of a position; empty if there are none."""
        path = self.folder / f"{position}.pt"
        if not path.exists():
            return {}
        stored = torch.load(path, weights_only=True)
        path.unlink()
        return {
            k: ObjectState(
                FramePoints(xy.numpy(), positive.numpy(), visibility.numpy()),
                low_res,
                score,
                lost,
                None if placed is None else placed.numpy(),
            )
            for k, (xy, positive, visibility, low_res, score, lost, placed) in stored.items()
        }
