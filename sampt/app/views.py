"""State of a session for the page, as plain values."""

from __future__ import annotations

from typing import Any

from sampt.interactive.session import InteractiveSession
from sampt.video.reader import Video

from .pictures import colour_of


def described(session: InteractiveSession, video: Video) -> dict[str, Any]:
    """The video, the objects, and the edited and finished frames."""
    height, width = session.size
    objects = [
        {
            "id": known.id,
            "name": known.name or "",
            "colour": "#{:02x}{:02x}{:02x}".format(*colour_of(known.id)),
            "points": sum(p.object_id == known.id for p in session.points),
        }
        for known in session.objects
    ]
    marked = any(entry["points"] for entry in objects)
    pending = set(session.pending())
    done = [f for f in range(len(video)) if f not in pending] if marked else []
    return {
        "frames": len(video),
        "width": width,
        "height": height,
        "fps": video.fps,
        "objects": objects,
        "marked": sorted({p.frame for p in session.points}),
        "done": _stretches(done),
        "pending": len(pending),
        "preview": session.method.segmenter.preview,
        "undo": session.can_undo,
        "redo": session.can_redo,
    }


def _stretches(frames: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of unbroken stretches."""
    found: list[tuple[int, int]] = []
    for frame in frames:
        if found and found[-1][1] == frame - 1:
            found[-1] = found[-1][0], frame
        else:
            found.append((frame, frame))
    return found
