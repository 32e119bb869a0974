"""The plain command that does what ``sampt reproduce`` does for a row."""

from __future__ import annotations

from collections.abc import Sequence

from .catalogue import Row

COMMANDS = {"vos": "vos", "vis": "vis", "interactive": "interactive-benchmark", "ablate": "ablate"}
"""Kind of run → name of its command."""


def plain_command(row: Row, root: str = "ROOT", more: Sequence[str] = ()) -> list[str]:
    """The words of the command for a row that has a run.

    Args:
        row: the row.
        root: the dataset's folder.
        more: further arguments, such as ``--seeds 8``.
    """
    words = ["sampt", COMMANDS[row.run]]
    words += [row.config] if row.run == "ablate" else []
    words += ["--dataset", row.dataset, "--split", row.split, "--root", root]
    words += [word for key, value in row.options.items() for word in ("-d", f"{key}={value}")]
    words += [] if row.run == "ablate" else ["--config", row.config]
    rules = dict(row.rules)
    untracked = not rules.pop("tracking", True)
    words += [word for key, value in rules.items() for word in (f"--{key}", str(value))]
    return [*words, *(["--no-tracking"] if untracked else []), *more]
