"""A real HTTP server that sends video while it is encoded, as a camera on a network does."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO

import av
import numpy as np

RATE = 25


class Answer:
    """File whose content is the answer to a request, in chunks, since nobody knows how long it will be."""

    def __init__(self, client: socket.socket, kind: str) -> None:
        self._client = client
        client.sendall(
            f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n\r\n".encode()
        )

    def write(self, data: bytes) -> int:
        self._client.sendall(b"%x\r\n%s\r\n" % (len(data), data))
        return len(data)


def send_mpegts(client: socket.socket, frames: Sequence[np.ndarray], pause: float) -> None:
    """An MPEG-TS of MPEG-2 video, frame by frame."""
    answer = Answer(client, "video/mp2t")
    with av.open(answer, "w", format="mpegts", options={"flush_packets": "1"}) as container:
        stream = container.add_stream("mpeg2video", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 5, 0
        stream.bit_rate = 4_000_000
        for n, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = n, Fraction(1, RATE)
            container.mux(stream.encode(picture))
            time.sleep(pause)
        container.mux(stream.encode(None))


def send_mjpeg(client: socket.socket, frames: Sequence[np.ndarray], pause: float) -> None:
    """JPEGs as parts of one answer, as simple network cameras send them."""
    from PIL import Image

    answer = Answer(client, "multipart/x-mixed-replace;boundary=frame")
    for frame in frames:
        file = BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=95)
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {file.tell()}\r\n\r\n"
        answer.write(head.encode() + file.getvalue() + b"\r\n")
        time.sleep(pause)


@contextmanager
def serving(
    send: Callable[[socket.socket, Sequence[np.ndarray], float], None],
    frames: Sequence[np.ndarray],
    pause: float = 0.0,
    lost: bool = False,
) -> Iterator[str]:
    """The address of a server for one client.

    Args:
        send: how the frames are sent.
        frames: the frames, (H, W, 3) uint8 each.
        pause: seconds between frames.
        lost: whether the connection is reset at the end.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            try:
                client.recv(65536)
                send(client, frames, pause)
                time.sleep(0.3)
                if not lost:
                    client.sendall(b"0\r\n\r\n")
            except (OSError, av.FFmpegError):  # the client has gone
                return
            if lost:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live"
    finally:
        listener.close()
        thread.join(timeout=20)
