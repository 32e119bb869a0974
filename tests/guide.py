"""The examples of CONTRIBUTING.md, put where they say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


@dataclass(frozen=True)
class Example:
    """A block of code.

    file: where it goes; a new file if there is no ``place``.
    place: "at the top", "above NAME", or "in NAME", which is a list or a dict.
    """

    file: str
    place: str
    code: str

    def put_into(self, root: Path) -> None:
        """Write or change the file, below ``root``."""
        path = root / self.file
        if not self.place:
            assert not path.exists()
            path.write_text(self.code)
            return
        lines = path.read_text().splitlines(keepends=True)
        where, _, name = self.place.partition(" ")
        if where == "at":
            index = lines.index("from __future__ import annotations\n") + 1
        else:
            (begin,) = (k for k, line in enumerate(lines) if re.match(rf"{name}\b.*= ", line))
            index = begin + 1 if where == "in" else begin
        gap = "\n\n" if where == "above" else ""
        path.write_text("".join([*lines[:index], self.code, gap, *lines[index:]]))


def examples() -> list[Example]:
    """All of them that are Python, in order."""
    found = re.findall(r"```python\n# ([\w./]+\.py)(?:, ([\w ]+))?\n(.*?)```", TEXT, re.DOTALL)
    return [Example(*parts) for parts in found]


def example(word: str) -> str:
    """The code of the one example with ``word`` in it."""
    (found,) = (one.code for one in examples() if word in one.code)
    return found


def entry_points() -> str:
    """Those of the guide's package, as an installer writes them."""
    toml = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0]
    return re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", toml).replace('"', "")
