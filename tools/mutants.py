"""Do the tests notice a wrong operator, constant or missing statement? ``make mutants`` tries some.

Each mutant is one small change to one module, in a copy of the repository. The unit tests of that module run
on it, and should fail. The table, and the survivors as diffs, go to ``build/mutants.md`` and the terminal. A
survivor is either equivalent to the original, or shows what no test pins down.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import difflib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

SAM_PT = "tests/sampt/methods/sam_pt"
SUITES = {
    "sampt/methods/sam_pt/prompting.py": [f"{SAM_PT}/test_prompting.py", f"{SAM_PT}/test_pipeline.py"],
    "sampt/methods/sam_pt/loop.py": [
        f"{SAM_PT}/test_pipeline.py",
        f"{SAM_PT}/test_pipeline_reinit.py",
        f"{SAM_PT}/test_pipeline_streaming.py",
    ],
    "sampt/methods/sam_pt/reinitialisation.py": [
        f"{SAM_PT}/test_reinitialisation.py",
        f"{SAM_PT}/test_pipeline_reinit.py",
    ],
    "sampt/methods/sam_pt/samplers.py": [f"{SAM_PT}/test_samplers.py"],
    "benchmarks/metrics/davis.py": ["tests/benchmarks/metrics/test_davis.py"],
}
"""The tests of each module, fast ones first."""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    **{
        ast.Lt: ast.LtE,
        ast.LtE: ast.Lt,
        ast.Gt: ast.GtE,
        ast.GtE: ast.Gt,
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
    },
    **{
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
        ast.And: ast.Or,
        ast.Or: ast.And,
    },
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult},
    **{
        ast.Pow: ast.Mult,
        ast.Mod: ast.Mult,
        ast.BitAnd: ast.BitOr,
        ast.BitOr: ast.BitAnd,
        ast.BitXor: ast.BitOr,
    },
}
OPPOSITES = {"min": "max", "any": "all", "argmin": "argmax", "nanargmin": "nanargmax", "ceil": "floor"}
OPPOSITES |= {b: a for a, b in OPPOSITES.items()}

HEAVY = (
    *(
        "torch",
        "torchvision",
        "cv2",
        "scipy.ndimage",
        "segment_anything",
        "segment_anything_hq",
        "kmedoids",
        "av",
    ),
    *("hypothesis.extra.numpy", "omegaconf", "pooch", "rich.progress", "PIL.Image", "xdist.plugin"),
)
"""Imported once, before a process is forked for each mutant."""


@dataclass(frozen=True)
class Mutant:
    """One module's source with one change, and the change as a diff."""

    module: str
    source: str
    diff: str


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, in the order of its source."""
    source = (ROOT / module).read_text(encoding="utf-8")
    made = []
    for node, changed in changes(ast.parse(source)):
        mutated = replaced(source, node, "pass" if changed is None else ast.unparse(changed))
        lines = (text.splitlines(keepends=True) for text in (source, mutated))
        diff = "".join(difflib.unified_diff(*lines, module, module, n=0))
        made.append(Mutant(module, mutated, diff))
    return made


def changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST | None]]:
    """Nodes of the tree, each with what to put in its place; None drops a statement."""
    for child in ast.iter_child_nodes(tree):
        # What is only said or made sure of, and not done: messages, types, assertions.
        if isinstance(child, ast.Raise | ast.JoinedStr | ast.Assert | ast.ImportFrom):
            continue
        if any(child is getattr(tree, name, None) for name in ("annotation", "returns")):
            continue
        if child in getattr(tree, "decorator_list", ()) or getattr(child, "arg", None) == "strict":
            continue
        if isinstance(child, ast.expr | ast.stmt):
            for changed in _changed(child):
                yield child, changed
        if isinstance(tree, ast.If) and isinstance(child, ast.Name | ast.Attribute | ast.Call):
            yield child, ast.UnaryOp(ast.Not(), child)
        yield from changes(child)


def _changed(node: ast.expr | ast.stmt) -> Iterator[ast.AST | None]:
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in SWAPS:
            changed = copy.deepcopy(node)
            changed.ops[0] = SWAPS[type(operator)]()  # type: ignore[call-overload]
            yield changed
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) if type(operator) in SWAPS:
            changed = copy.deepcopy(node)
            changed.op = SWAPS[type(operator)]()  # type: ignore[assignment]
            yield changed
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Name(id=name) if name in OPPOSITES:
            yield ast.Name(OPPOSITES[name])
        case ast.Attribute(value=value, attr=name) if name in OPPOSITES:
            yield ast.Attribute(value, OPPOSITES[name])
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.AugAssign() | ast.Delete():
            yield None
        case ast.Continue() | ast.Break() | ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield None


def replaced(source: str, node: ast.expr | ast.stmt, new: str) -> str:
    """The source with ``new`` in the place of a node."""
    assert node.end_lineno is not None and node.end_col_offset is not None
    lines = source.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[node.end_lineno - 1] + node.end_col_offset
    if isinstance(node, ast.expr):
        new = f"({new})"  # whatever stands around it
    return (source.encode()[:begin] + new.encode() + source.encode()[end:]).decode()


def outcome(copied: Path, module: str, source: str, limit: float) -> str:
    """``killed``, ``survived`` or ``timed out``: the module's tests, run with ``source`` in the copy."""
    original = (ROOT / module).read_text(encoding="utf-8")
    (copied / module).write_text(source, encoding="utf-8")
    try:
        child = os.fork()
        if child == 0:
            _run_tests(copied, SUITES[module])
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return "killed" if os.waitstatus_to_exitcode(status) else "survived"
            time.sleep(0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "timed out"
    finally:
        (copied / module).write_text(original, encoding="utf-8")


def _run_tests(copied: Path, suites: list[str]) -> None:
    """Run the tests in this process, a child, and end it."""
    code = 1
    with contextlib.suppress(BaseException):
        # A compiled file would not notice a change within its second. CI: the same examples each time.
        sys.dont_write_bytecode = True
        os.environ["CI"] = "1"
        os.chdir(copied)
        sys.path.insert(0, str(copied))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        import pytest

        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *suites]))
    os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=list(SUITES), metavar="MODULE", help="by default all")
    parser.add_argument("--count", type=int, default=15, help="mutants per module (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="draws the mutants (default: 0)")
    arguments = parser.parse_args()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in HEAVY:
            importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)  # threads do not survive a fork
    table, survivors = [], []
    with tempfile.TemporaryDirectory(prefix="sampt-mutants-") as folder:
        copied = Path(folder) / "tree"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "demo", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, copied, ignore=ignored)
        for module in arguments.modules:
            candidates = mutants(module)
            order = random.Random(arguments.seed).sample(range(len(candidates)), len(candidates))
            begun = time.monotonic()
            if outcome(copied, module, (ROOT / module).read_text(encoding="utf-8"), 300) != "survived":
                raise SystemExit(f"the tests of {module} fail without any change")
            limit = 10 + 3 * (time.monotonic() - begun)
            found: Counter[str] = Counter()
            for i in sorted(order[: arguments.count]):
                result = outcome(copied, module, candidates[i].source, limit)
                found[result] += 1
                print(f"{module} {i}: {result}", file=sys.stderr)
                if result == "survived":
                    survivors.append(candidates[i].diff)
            counts = (found["killed"], found["survived"], found["timed out"])
            table.append(
                f"| `{module}` | {len(candidates)} | {sum(counts)} | {' | '.join(map(str, counts))} |"
            )
    report = "\n".join(
        [
            "| module | possible | tried | killed | survived | timed out |",
            "|---|---|---|---|---|---|",
            *table,
            "",
            *(f"```diff\n{diff}```" for diff in survivors),
        ]
    )
    print(report)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "mutants.md").write_text(report + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
