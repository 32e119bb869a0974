"""Server of the page: one process, with a temporary folder for the visitors' files."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sampt.errors import ConfigError
from sampt.video.reader import Video

from .model_menu import ModelMenu
from .visitors import Workspaces
from .workspace import Workspace


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens at ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    models: ModelMenu,
    video: Path | None,
    host: str,
    port: int,
    max_upload: int,
    max_pages: int,
    started: Callable[[str], None],
) -> None:
    """Serve the page until Ctrl-C or SIGTERM, then remove the temporary folder.

    Args:
        models: models that visitors can choose from.
        video: video that every visitor sees first; None lets the page ask for one.
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        max_upload: maximum size of an uploaded file in bytes.
        max_pages: maximum number of pages open at once.
        started: called with the page's address.

    Raises:
        VideoError: the video cannot be opened.
        ConfigError: the address or the first model cannot be used, or Gradio is not installed.
        CheckpointError: the first model's weights cannot be downloaded.
    """
    if video is not None:
        Video(video).close()
    models[models.first]  # here, not when somebody opens the page
    with (
        tempfile.TemporaryDirectory(prefix="sampt-app-", ignore_cleanup_errors=True) as folder,
        _listen(host, port) as listening,
    ):
        _quiet_gradio(Path(folder) / "gradio")
        workspaces = Workspaces(Path(folder), models, lambda workspace: _welcome(workspace, video), max_pages)
        try:
            _serve(workspaces, max_upload, listening, host, started)
        finally:
            workspaces.close()


def _welcome(workspace: Workspace, video: Path | None) -> None:
    if video is not None:
        workspace.open(video, video.name)


def _quiet_gradio(folder: Path) -> None:
    """Make Gradio keep its files in ``folder``, and turn off its analytics and records."""
    os.environ |= {
        "GRADIO_TEMP_DIR": str(folder),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_RUN_HISTORY": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # so that a browser that opens the address at once waits
    except OSError as error:
        listening.close()
        reason = error.strerror or error
        raise ConfigError(
            f"cannot listen on {host}, port {port} ({reason}); choose others with --host and --port"
        ) from error
    return listening


def _serve(
    workspaces: Workspaces,
    max_upload: int,
    listening: socket.socket,
    host: str,
    started: Callable[[str], None],
) -> None:
    try:
        import gradio as gr
        import uvicorn
        from fastapi import FastAPI
    except ImportError as error:
        raise ConfigError("`sampt app` needs Gradio: pip install 'sampt[app]'") from error
    from .page import asset, page
    from .routes import Guard, routes

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(routes(workspaces, max_upload))
    gr.mount_gradio_app(
        app,
        page(workspaces, max_upload),
        path="/",
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        max_file_size=1,
        theme=gr.themes.Default(
            primary_hue="blue",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        css=asset("page.css"),
    )
    guarded = Guard(app, ("localhost", host, socket.gethostname(), socket.getfqdn()))
    server = uvicorn.Server(
        uvicorn.Config(guarded, log_level="warning", timeout_graceful_shutdown=1, lifespan="on")
    )
    for name in ("SIGTERM", "SIGHUP"):  # a terminal that closes sends the second; Windows has none
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    port = listening.getsockname()[1]
    started(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def _end(signum: int, frame: FrameType | None) -> None:
    """Exit as after Ctrl-C; by default these signals would leave the temporary folder behind."""
    sys.exit(0)
