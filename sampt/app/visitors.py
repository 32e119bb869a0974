"""Who is at the page at the moment, and which workspace is whose."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from ..errors import PromptError, SamptError
from .models import Models
from .turns import Turns
from .workspace import Workspace


class Workspaces:
    """All visitors' workspaces, by the hash that the browser's page gave itself, and by token.

    folder: where each gets a folder. ready: called with a new workspace, to open the first video in it.
    """

    def __init__(self, folder: Path, models: Models, ready: Callable[[Workspace], None]) -> None:
        self._folder, self.models, self._ready = folder, models, ready
        self._turn = Turns()
        self._by_page: dict[str, Workspace] = {}

    def enter(self, page: str) -> Workspace:
        """The workspace of a page that was just loaded."""
        self.leave(page)
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir()
        workspace = Workspace(folder, self.models, self._turn)
        self._by_page[page] = workspace
        try:
            self._ready(workspace)
        except SamptError as error:  # a file that was there when the server started
            workspace.say(str(error))
        return workspace

    def of(self, page: str) -> Workspace:
        """
        Raises:
            PromptError: the page has none, because it was away for too long.
        """
        if page not in self._by_page:
            raise PromptError("this session has ended; reload the page")
        return self._by_page[page]

    def by_token(self, token: str) -> Workspace | None:
        for workspace in list(self._by_page.values()):
            if secrets.compare_digest(workspace.token.encode(), token.encode()):
                return workspace
        return None

    def leave(self, page: str) -> None:
        """Forget a page that was closed, with all that belonged to it."""
        workspace = self._by_page.pop(page, None)
        if workspace is not None:
            workspace.close()

    def close(self) -> None:
        for page in list(self._by_page):
            self.leave(page)
