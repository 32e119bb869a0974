"""Pages that come, go and share what there is."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.errors import PromptError

from .pages import QUICK, in_time, make_workspaces


def test_leaving_removes_everything(workspaces: Workspaces, workspace: Workspace) -> None:
    run = workspace.run()
    next(run)
    workspaces.leave("page")
    assert list(run) == []
    assert not workspace.folder.exists() and workspaces.by_token(workspace.token) is None
    with pytest.raises(PromptError, match="reload"):
        workspaces.of("page")
    with pytest.raises(PromptError, match="reload"):
        workspace.picture(0)


def test_a_page_that_is_silent_for_too_long_loses_its_session(tmp_path: Path, clip: Path) -> None:
    workspaces = make_workspaces(tmp_path, clip, grace=0.5)
    silent, lively = workspaces.enter("silent"), workspaces.enter("lively")

    def gone() -> bool:
        assert workspaces.by_token(lively.token) is lively, "asking for it is a sign of life"
        return not silent.folder.exists()

    assert in_time(gone) and silent.closed
    assert time.monotonic() - silent.seen > 0.5
    assert in_time(lambda: not lively.folder.exists()), "and the other one's goes in its turn"


def test_a_reloaded_page_finds_its_session(workspaces: Workspaces, workspace: Workspace) -> None:
    assert workspaces.enter("reloaded", workspace.token) is workspace
    assert workspaces.of("reloaded").view()["objects"][0]["points"] == 1
    with pytest.raises(PromptError, match="reload"):
        workspaces.of("page")
    assert workspaces.enter("stranger", "no token") is not workspace


def test_pages_are_limited_in_number(tmp_path: Path, clip: Path) -> None:
    workspaces = make_workspaces(tmp_path, clip, pages=2)
    first, _ = workspaces.enter("one"), workspaces.enter("two")
    with pytest.raises(PromptError, match="2 pages"):
        workspaces.enter("three")
    assert workspaces.enter("one, reloaded", first.token) is first
    workspaces.leave("two")
    assert workspaces.enter("three").folder.is_dir()


def test_a_server_that_ends_waits_for_no_page(workspaces: Workspaces, workspace: Workspace) -> None:
    timer = workspaces._timer
    assert timer is not None and timer.daemon
    workspaces.close()
    assert not workspace.folder.exists()
    assert in_time(lambda: not timer.is_alive())
    with pytest.raises(PromptError, match="pages"):
        workspaces.enter("another")


def test_embeddings_of_all_pages_share_one_budget(workspaces: Workspaces, workspace: Workspace) -> None:
    second, third = workspaces.enter("second"), workspaces.enter("third")
    workspace.picture(0)
    size = workspace.embedding_bytes
    assert size > 0
    model = workspaces.models[QUICK]
    model.cache = replace(model.cache, host_bytes=2 * size)
    for other in (second, third):
        other.add_point(0, 90, 90, True)
        other.picture(0)
    assert [w.embedding_bytes for w in (workspace, second, third)] == [size, size, size]
    third.picture(0)
    assert [w.embedding_bytes for w in (workspace, second, third)] == [0, size, size]
    workspace.add_point(1, 90, 90, True)
    workspace.picture(1)
    third.picture(0)
    assert [w.embedding_bytes for w in (workspace, second, third)] == [size, 0, size]
