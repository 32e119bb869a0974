"""Every engine: all tasks are done once, failures are told, and what a dying worker left is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt.benchmarks.running.engine import TaskQueue, Worker, local_workers, run_tasks
from sampt.errors import ConfigError, DatasetError, EngineError

from .engine_case import Job, Maker

Start = Callable[[int], list[Worker]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(
    params=["local", pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.xdist_group("ray")])]
)
def start(request, tmp_path) -> Start:
    """Starts so many workers, each in a process of its own."""
    if request.param == "local":
        return lambda count: local_workers([Maker(tmp_path)] * count)
    request.getfixturevalue("cluster")
    from sampt.benchmarks.running.ray_engine import ray_workers

    return lambda count: ray_workers(Maker(tmp_path), count, None)


class TestInOtherProcesses:
    def test_every_task_is_done_once(self, start, tmp_path):
        jobs = [Job(sequence, number) for sequence in "abc" for number in range(3)]
        outcomes = list(run_tasks(jobs, start(2)))
        assert Counter(o.task for o in outcomes) == Counter(jobs)
        assert all(o.result[:2] == (o.task.sequence, o.task.number) for o in outcomes)
        assert os.getpid() not in {o.result[2] for o in outcomes}
        assert len(list(tmp_path.iterdir())) == len(jobs)

    def test_a_failure_is_told_and_the_others_are_done(self, start):
        outcomes = list(run_tasks([Job("a", does="fail"), Job("b"), Job("c")], start(2)))
        (failure,) = (o for o in outcomes if o.error)
        assert isinstance(failure.error, DatasetError)
        assert "a is broken" in str(failure.error)
        assert sorted(o.task.sequence for o in outcomes if o.error is None) == ["b", "c"]

    def test_what_concerns_all_tasks_ends_the_run(self, start):
        with pytest.raises(ConfigError, match="choose another"):
            list(run_tasks([Job("a", does="misconfigure"), Job("b")], start(2)))

    def test_a_killed_worker_s_task_is_done_again_and_no_other_twice(self, start, tmp_path):
        jobs = [Job("a"), Job("b", does="die once"), Job("c"), Job("d")]
        outcomes = list(run_tasks(jobs, start(2)))
        assert sorted(o.result[0] for o in outcomes) == ["a", "b", "c", "d"]
        begun = Counter(file.name.split("-")[0] for file in tmp_path.iterdir())
        assert begun == {"a": 1, "b": 2, "c": 1, "d": 1}

    def test_a_task_that_kills_every_worker_is_given_up(self, start):
        outcomes = list(run_tasks([Job("a", does="die"), Job("b")], start(2)))
        errors = {o.task.sequence: o.error for o in outcomes}
        assert errors["b"] is None
        assert isinstance(errors["a"], EngineError)


class TestHere:
    def test_one_worker_is_this_process(self, tmp_path):
        (outcome,) = run_tasks([Job("a")], local_workers([Maker(tmp_path)]))
        assert outcome.result == ("a", 0, os.getpid())

    def test_failures_are_told(self, tmp_path):
        outcomes = list(run_tasks([Job("a", does="fail"), Job("b")], local_workers([Maker(tmp_path)])))
        assert [bool(o.error) for o in outcomes] == [True, False]


def test_workers_end_with_the_process_that_was_killed(tmp_path):
    program = (
        "from pathlib import Path; import sys\n"
        "from sampt.benchmarks.running.engine import local_workers, run_tasks\n"
        "from tests.benchmarks.running.engine_case import Job, Maker\n"
        "if __name__ == '__main__':\n"
        "    jobs = [Job('a'), Job('b')]\n"
        f"    for outcome in run_tasks(jobs, local_workers([Maker(Path({str(tmp_path)!r}))] * 2)):\n"
        "        sys.stdout.write(f'{outcome.result[2]}\\n'); sys.stdout.flush(); input()\n"
    )
    file = tmp_path / "program.py"
    file.write_text(program)
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


class TestQueue:
    def test_a_worker_goes_on_with_its_sequence_then_takes_a_new_one_then_helps(self):
        queue = TaskQueue([Job(s, n) for s in "ab" for n in range(3)])
        first, second = queue.take(None), queue.take(None)
        assert (first.sequence, second.sequence) == ("a", "b")
        assert queue.take("a") == Job("a", 1)
        assert queue.take("a") == Job("a", 2)
        assert queue.take("a") == Job("b", 2)  # the last of the other's
        assert queue.take("b") == Job("b", 1)
        assert queue.take("b") is None

    @given(
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), unique=True),
        st.lists(st.sampled_from([None, "a", "b", "c", "d"]), min_size=45, max_size=45),
    )
    def test_whoever_asks_every_task_is_handed_out_once(self, tasks, asking):
        jobs = [Job(*task) for task in tasks]
        queue = TaskQueue(jobs)
        taken = [queue.take(sequence) for sequence in asking]
        assert Counter(filter(None, taken)) == Counter(jobs)
