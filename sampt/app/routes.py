"""URLs of the page besides Gradio's own, and the guard that blocks all others."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sampt.errors import SamptError

from .uploads import TooLargeError, check_container, receive, too_large
from .visitors import Workspaces
from .workspace import Workspace

_PAGE = ("/", "/config", "/favicon.ico", "/manifest.json", "/robots.txt", "/theme.css")
_QUEUE = ("queue/join", "queue/data", "cancel", "startup-events", "app_id", "theme.css")
_WHOLE = {*_PAGE, *(f"/gradio_api/{name}" for name in _QUEUE)}
_BELOW = ("/session/", "/static/", "/assets/", "/svelte/")
"""Paths that the page needs, without Gradio's routes that read files, fetch URLs or upload."""

_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'self'"
)
"""Content security policy: nothing is fetched from other sites, whatever Gradio's page requests."""

_SESSION_BYTES = 2 << 20

_GONE = "this session has ended; reload the page"

_ELSEWHERE = (
    "This server does not accept the host name in the page's address: use its IP address, localhost, or the "
    "name given with --host."
)


class Guard:
    """Middleware that only accepts requests that the page needs, to an IP address or a name of this machine.

    Args:
        app: the application to protect.
        names: names of this machine, without port. Otherwise another web page whose name is made to resolve
            to this machine could act as this one.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app, self._names = app, {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        if not self._known_host(scope):
            await PlainTextResponse(_ELSEWHERE, 421)(scope, receive, send)
        elif not _needed(scope["path"]):
            await PlainTextResponse("not found", 404)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _known_host(self, scope: Scope) -> bool:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return True  # an address leads to this machine whatever name servers say


def _needed(path: str) -> bool:
    plain = ".." not in path and "\\" not in path and "//" not in path
    return plain and (path in _WHOLE or path.startswith(_BELOW))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _CSP
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return sending


def routes(workspaces: Workspaces, max_upload: int) -> APIRouter:
    """Routes ``/session/TOKEN/…``: frames, uploads and exports of the visitor with the token."""

    async def alive(token: str) -> Response:
        workspace = workspaces.by_token(token)
        return JSONResponse({"revision": workspace.revision}) if workspace else _problem(_GONE, 404)

    def frame(token: str, number: int, masks: bool = True) -> Response:
        workspace = workspaces.by_token(token)
        if workspace is None:
            return _problem(_GONE, 404)
        try:
            return JSONResponse(workspace.picture(number, masks), headers={"Cache-Control": "no-store"})
        except SamptError as error:
            return _problem(str(error), 422)

    def exported(token: str, name: str) -> Response:
        workspace = workspaces.by_token(token)
        path = workspace.exports.get(name) if workspace else None  # a name that we gave, never a path
        if path is None:
            return _problem("there is no such file", 404)
        return FileResponse(path, filename=name, headers={"Cache-Control": "no-store"})

    async def upload(token: str, kind: str, request: Request) -> Response:
        workspace = workspaces.by_token(token)
        if workspace is None or kind not in _OPEN:
            return _problem(_GONE, 404)
        most = max_upload if kind == "video" else min(max_upload, _SESSION_BYTES)
        try:
            if int(request.headers.get("content-length", "0")) > most:
                raise too_large(most)
            name = Path(request.query_params.get("name", "video")).name[:120]
            with workspace.arriving() as path:
                await receive(request.stream(), path, most)
                await run_in_threadpool(_OPEN[kind], workspace, path, name)
            return JSONResponse({})
        except ClientDisconnect:
            return _problem("the browser went away", 400)
        except TooLargeError as error:
            return _problem(str(error) + _SMALLER[kind], 413)
        except SamptError as error:
            return _problem(str(error), 422)
        except OSError as error:
            why = f"the server cannot store the file ({error.strerror}); free some space, and send it again"
            return _problem(why, 507)

    router = APIRouter(prefix="/session/{token}")
    router.add_api_route("/alive", alive, methods=["GET"])
    router.add_api_route("/frame/{number}", frame, methods=["GET"])
    router.add_api_route("/export/{name}", exported, methods=["GET"])
    router.add_api_route("/upload/{kind}", upload, methods=["PUT"])
    return router


def _open_video(workspace: Workspace, path: Path, name: str) -> None:
    try:
        check_container(path, name)
        workspace.open(path, name)
    except SamptError as error:
        raise type(error)(str(error).replace(str(path), name)) from error


def _open_session(workspace: Workspace, path: Path, name: str) -> None:
    try:
        workspace.open_session(path)
    except SamptError as error:
        raise type(error)(str(error).replace(str(path), name)) from error
    finally:
        path.unlink(missing_ok=True)


_OPEN: dict[str, Any] = {"video": _open_video, "session": _open_session}


_SMALLER = {
    "video": "; cut it, or start the page with a larger --max-upload",
    "session": " of a saved session",
}


def _problem(message: str, status: int) -> Response:
    return JSONResponse({"error": message.encode(errors="backslashreplace").decode()}, status)
