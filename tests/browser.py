"""The Chromium that is installed, without a window, for tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CALM = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@contextmanager
def running_chromium() -> Iterator[Any]:
    """Playwright's browser, closed at the end of the block; tests are skipped without one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("the browser tests need Chromium or Chrome")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=[*CALM])
        yield browser
        browser.close()
