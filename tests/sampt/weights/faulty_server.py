"""A real HTTP server on loopback that serves files well, or with the faults a test asks for."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class Served:
    """A file, and how the next requests for it go wrong: one fault each, in order; after them, none."""

    content: bytes
    faults: list[Fault] = field(default_factory=list)
    etag: str | None = None
    ranges: bool = True


@dataclass(frozen=True)
class Request:
    """A GET that came: its path and the headers that ask for a part."""

    path: str
    range: str | None
    if_range: str | None


class FaultyServer:
    """``with FaultyServer() as server``: ``server.serve("a.pth", content, drop(100))`` and ``server.url``.

    Each fault meets one GET of that file; ``server.requests`` holds every GET that came.
    """

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(
        self, path: str, content: bytes, *faults: Fault, etag: str | None = None, ranges: bool = True
    ) -> str:
        """Serve ``content`` at ``path`` from now on; its URL."""
        self.files[path] = Served(content, list(faults), etag, ranges)
        return f"{self.url}/{path}"

    def __enter__(self) -> FaultyServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                server.requests.append(Request(path, self.headers["Range"], self.headers["If-Range"]))
                self.close_connection = True
                served = server.files.get(path)
                if served is None:
                    self.send_error(404)
                elif served.faults:
                    served.faults.pop(0)(self, served)
                else:
                    well(self, served)

            def end_headers(self) -> None:
                self.send_header("Connection", "close")
                super().end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


Fault = Callable[[BaseHTTPRequestHandler, Served], None]


def well(handler: BaseHTTPRequestHandler, served: Served, length: int | None = None) -> None:
    """As it should be: a range if one is asked for and the version is still that one, else everything."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
    fresh = handler.headers["If-Range"] in (None, served.etag)
    start = int(asked[1]) if asked and served.ranges and fresh else 0
    whole = len(served.content)
    if start and start >= whole:
        handler.send_error(416)
        return
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(whole - start if length is None else length))
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
    if served.etag:
        handler.send_header("ETag", served.etag)
    handler.end_headers()
    handler.wfile.write(served.content[start:])


def drop(after: int) -> Fault:
    """Close the connection after so many bytes of what was asked for."""

    def fault(handler: BaseHTTPRequestHandler, served: Served) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
        start = int(asked[1]) if asked and served.ranges else 0
        cut = Served(served.content[: start + after], etag=served.etag, ranges=served.ranges)
        if start:
            handler.send_response(206)
            handler.send_header(
                "Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}"
            )
            handler.send_header("Content-Length", str(len(served.content) - start))
            handler.end_headers()
            handler.wfile.write(cut.content[start:])
        else:
            well(handler, cut, length=len(served.content))

    return fault


def slow(after: int, seconds: float) -> Fault:
    """Stop for a while after so many bytes, then close."""
    cut = drop(after)

    def fault(handler: BaseHTTPRequestHandler, served: Served) -> None:
        cut(handler, served)
        handler.wfile.flush()
        time.sleep(seconds)

    return fault


def hold(after: int, event: threading.Event) -> Fault:
    """Stop after so many bytes until ``event``, then go on."""

    def fault(handler: BaseHTTPRequestHandler, served: Served) -> None:
        well(handler, Served(served.content[:after]), length=len(served.content))
        handler.wfile.flush()
        event.wait(30)
        handler.wfile.write(served.content[after:])

    return fault


def status(code: int, **headers: str) -> Fault:
    """Answer with a status alone; ``Retry_After="1"`` becomes a header."""

    def fault(handler: BaseHTTPRequestHandler, served: Served) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return fault


def instead(content: bytes) -> Fault:
    """Serve something else, well."""
    return lambda handler, served: well(handler, Served(content))


def claim(length: int) -> Fault:
    """Serve the file under a wrong Content-Length."""
    return lambda handler, served: well(handler, served, length=length)


def without_length(content: bytes) -> Fault:
    """Serve a body whose end is only told by the end of the connection."""

    def fault(handler: BaseHTTPRequestHandler, served: Served) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)

    return fault


def endless(handler: BaseHTTPRequestHandler, served: Served) -> None:
    """The file, and more after it; 30 MB only, for the sake of a bad client's disk."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(served.content)
    with suppress(OSError):
        for _ in range(480):
            handler.wfile.write(bytes(1 << 16))


def wrong_range(handler: BaseHTTPRequestHandler, served: Served) -> None:
    """Answer a range with the bytes from the beginning, and say so."""
    whole = len(served.content)
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 0-{whole - 1}/{whole}")
    handler.send_header("Content-Length", str(whole))
    handler.end_headers()
    handler.wfile.write(served.content)


def redirect(url: str) -> Fault:
    return status(302, Location=url)
