"""docs/reproduce.md, made from the rows: ``python -m sampt.benchmarks.reproduce.page docs/reproduce.md``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .catalogue import NOT_READ, Paper, Row, papers
from .needs import Needs, needs_of, notes_on
from .plain import plain_command

_HEAD = f"""# Reproducing the papers

Every row of SAM-PT's papers is one command. It uses the paper's own settings, which are packaged in
`configs/paper/`, and prints ours beside the published number: mean ± deviation over seeds, the difference,
and whether it is within the published ±.

```sh
sampt reproduce                                  # all rows, what they need, and whether they can run here
sampt reproduce arxiv_table3_sam_pt --dry-run    # the plain command that does the same
```

<!-- needs: weights -->
```sh
sampt reproduce arxiv_table3_sam_pt --root DAVIS --seeds 8 --output results/table3
```

If the command is interrupted, running it again resumes it, as with the plain commands. `-o KEY=VALUE`,
`--tracker` and `--segmenter` change the published settings; then the result says which ones differ. Splits
without public annotations give masks for the benchmark's server, whose score is then compared by hand.

No row has been run with the official checkpoints yet; [what is published](published.md) says what has been
checked, and where the numbers were read. `{NOT_READ}` means that a number is in no text that could be read.
"""

_TABLE = """
### {table}

| row | in the paper | published | plain command |
|---|---|---|---|
{rows}
"""


def reproduce_page() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_paper(paper) for paper in papers())


def _paper(paper: Paper) -> str:
    parts = [f"\n## {paper.title}\n"]
    for table, rows in paper.tables().items():
        needs = {row.name: needs_of(row) for row in rows}
        parts.append(_TABLE.format(table=table, rows="\n".join(map(_row, rows))))
        notes = notes_on(paper, table, {name: _without_machine(n) for name, n in needs.items()})
        notes += _why_not(rows)
        parts += ["\n", *(f"- {note}\n" for note in notes)] if notes else []
    return "".join(parts)


def _row(row: Row) -> str:
    command = f"`{shlex.join(plain_command(row))}`" if row.run else "–"
    return f"| `{row.name}` | {row.row} | {row.numbers} | {command} |"


def _without_machine(needs: Needs) -> Needs:
    """What is the same on every machine."""
    return Needs({}, differs=needs.differs)


def _why_not(rows: Sequence[Row]) -> list[str]:
    return [f"{row.name}: {row.why_not}" for row in rows if not row.run]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reproduce_page(), encoding="utf-8")
