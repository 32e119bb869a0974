"""Visitors of the page, and their workspaces."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Timer

from sampt.errors import PromptError, SamptError

from .model_menu import ModelMenu
from .turns import Turns
from .workspace import Workspace

GRACE = 600.0
"""Seconds that a workspace is kept after its page's last sign of life; pages send one every minute."""


class Workspaces:
    """Workspaces of all visitors, by the hash that the browser's page gave itself, and by token.

    Args:
        folder: folder in which each workspace gets a subfolder.
        models: models that visitors can choose from.
        ready: called with a new workspace, to open the first video in it.
        pages: maximum number of workspaces.
        grace: seconds without a sign of life after which a workspace is removed.
    """

    def __init__(
        self,
        folder: Path,
        models: ModelMenu,
        ready: Callable[[Workspace], None],
        pages: int,
        grace: float = GRACE,
    ) -> None:
        self._folder, self.models, self._ready = folder, models, ready
        self._pages, self._grace = pages, grace
        self._turn, self._lock = Turns(), Lock()
        self._by_page: dict[str, Workspace] = {}
        self._timer: Timer | None = None
        self._closed = False

    def enter(self, page: str, token: str | None = None) -> Workspace:
        """The workspace of a page that was just loaded: the token's if it exists, else a new one.

        Raises:
            PromptError: the maximum number of pages is open.
        """
        kept = self.by_token(token) if token else None
        if kept is not None:
            return self._move(page, kept)
        self.leave(page)
        workspace = self._new(page)
        try:
            self._ready(workspace)
        except SamptError as error:  # a file that was there when the server started
            workspace.say(str(error))
        return workspace

    def _move(self, page: str, workspace: Workspace) -> Workspace:
        """Give a workspace to a reloaded page, and stop its work, which has nowhere to report to."""
        workspace.cancel()
        with self._lock:
            others = {known: w for known, w in self._by_page.items() if w is not workspace}
            self._by_page = others | {page: workspace}
        return workspace

    def _new(self, page: str) -> Workspace:
        with self._lock:
            if self._closed or len(self._by_page) >= self._pages:
                raise PromptError(
                    f"this server is full: {self._pages} pages are open, or were a few minutes ago; "
                    "reload this one later"
                )
            folder = self._folder / secrets.token_hex(8)
            folder.mkdir()
            workspace = Workspace(folder, self.models, self._turn, self._make_room)
            self._by_page[page] = workspace
            if self._timer is None:
                self._wait(self._grace)
        return workspace

    def of(self, page: str) -> Workspace:
        """The workspace of a page, which shows that it is still there.

        Raises:
            PromptError: the page has none, because it was silent for too long.
        """
        workspace = self._by_page.get(page)
        if workspace is None:
            raise PromptError("this session has ended; reload the page")
        workspace.seen = time.monotonic()
        return workspace

    def by_token(self, token: str) -> Workspace | None:
        """The workspace with this secret token, whose page shows that it is still there; or None."""
        for workspace in list(self._by_page.values()):
            if secrets.compare_digest(workspace.token.encode(), token.encode(errors="replace")):
                workspace.seen = time.monotonic()
                return workspace
        return None

    def leave(self, page: str) -> None:
        """Close the workspace of a page."""
        with self._lock:
            workspace = self._by_page.pop(page, None)
        if workspace is not None:
            workspace.close()

    def _wait(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._expire)
        self._timer.daemon = True  # a server that ends waits for nobody
        self._timer.start()

    def _expire(self) -> None:
        """Close the workspaces of silent pages, and check again when the next one may be due."""
        with self._lock:
            self._timer = None
            if self._closed:
                return
            oldest = time.monotonic() - self._grace
            silent = [page for page, w in self._by_page.items() if w.seen <= oldest]
            gone = [self._by_page.pop(page) for page in silent]
            if self._by_page:
                self._wait(min(w.seen for w in self._by_page.values()) - oldest)
        for workspace in gone:
            workspace.close()

    def _make_room(self, working: Workspace) -> None:
        """Free embeddings, of the least recently active pages first, until all fit into one budget.

        Only call this during the turn of ``working``, which is about to make embeddings.
        """
        working.worked = time.monotonic()
        room = working.embedding_budget
        with self._lock:
            recent = sorted(self._by_page.values(), key=lambda w: w.worked, reverse=True)
        for workspace in recent:
            room -= workspace.embedding_bytes
            if room < 0 and workspace is not working:
                workspace.forget_embeddings()

    def close(self) -> None:
        """Close all workspaces, and accept no more pages."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        for page in list(self._by_page):
            self.leave(page)
