"""Settings for all tests."""

import os

from hypothesis import settings

# Workers of pytest-xdist share the cores: with threads of their own they wait for each other, and take five
# times as long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Goldens want the two threads that they were recorded with; these must not wait for each other in busy loops.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# How long an example takes says more about the machine than about the code.
settings.register_profile("sampt", deadline=None)
settings.load_profile("sampt")
