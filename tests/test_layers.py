"""Imports point down only: cli and app on top, then benchmarks, then sampt's packages, then trackers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = (
    {"sampt.cli"},
    {"sampt.app"},
    {"sampt.benchmarks"},
    {"sampt.proposals"},
    {"sampt.output"},
    {"sampt.interactive"},
    {"sampt.methods"},
    {"sampt.tracking"},
    {"sampt.segmenters"},
    {"sampt.weights", "sampt.synthetic"},
    {"sampt.prompts", "sampt.video"},
    {"sampt.config"},
    {"sampt._internal"},
    {"sampt.errors", "sampt.version"},
    {"sampt.trackers", "sampt.configs"},
)
"""From the top down; the packages of one floor do not know each other."""

FRONT_DOOR = {"sampt", "sampt.__main__"}
"""The public names, imported when they are asked for, and what starts the command line."""


def modules() -> dict[str, Path]:
    found = {}
    for folder, prefix in (("sampt", ""), ("trackers", "sampt."), ("benchmarks", "sampt.")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[prefix + ".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(module: str) -> Iterator[str]:
    """The modules of ours that a module imports, at its top or inside a function; not for types alone."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "sampt")
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            target = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            if target.split(".")[0] != "sampt":
                continue
            for alias in node.names:
                full = f"{target}.{alias.name}"
                yield full if full in MODULES else target


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def floor(module: str) -> int:
    package = package_of(module)
    return next(i for i, packages in enumerate(FLOORS) if package in packages)


def test_every_package_has_a_floor() -> None:
    known = set().union(*FLOORS) | FRONT_DOOR
    assert {package_of(module) for module in MODULES} <= known


@pytest.mark.parametrize("module", [m for m in MODULES if m not in FRONT_DOOR])
def test_no_import_points_up(module: str) -> None:
    for target in imports(module):
        if package_of(target) == package_of(module):
            continue
        if target == "sampt":
            assert floor(module) <= 2, f"{module} goes through the front door"
            continue
        assert floor(target) > floor(module), f"{module} imports {target}"


def test_no_circle_of_modules() -> None:
    edges = {module: set(imports(module)) & MODULES.keys() - {module} for module in MODULES}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " → ".join([*above[above.index(module) :], module])
        if module not in done:
            for target in sorted(edges[module]):
                visit(target, (*above, module))
            done.add(module)

    for module in MODULES:
        if module not in FRONT_DOOR:
            visit(module, ())
