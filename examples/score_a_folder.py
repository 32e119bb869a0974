"""Score masks against annotations: J, F and J&F, as DAVIS defines them.

python examples/score_a_folder.py results annotations          # needs pip install 'sampt[benchmarks]'
"""

import sys
from pathlib import Path

from sampt.benchmarks import evaluate


def main(results: str, annotations: str) -> None:
    evaluation = evaluate(Path(results), Path(annotations))
    print(evaluation.table[["sequence", "object", "J&F-Mean", "J-Mean", "F-Mean"]].to_string(index=False))
    print(f"J&F {100 * evaluation.means['J&F-Mean']:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
