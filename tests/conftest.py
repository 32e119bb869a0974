"""Settings for all tests."""

import os

from hypothesis import settings

# Workers of pytest-xdist share the cores: with threads of their own they wait for each other, and take five
# times as long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more about the machine than about the code.
settings.register_profile("sampt", deadline=None)
settings.load_profile("sampt")
