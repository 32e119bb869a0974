"""Settings for all tests."""

import os

from hypothesis import settings

# Workers of pytest-xdist share the cores: with threads of their own they wait for each other, and take five
# times as long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Goldens want the two threads that they were recorded with; these must not wait for each other in busy loops.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# How long an example takes says more about the machine than about the code. A change is judged by the same
# examples as the last one; wherever else tests run, others are tried each time.
settings.register_profile("sampt", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("sampt")
