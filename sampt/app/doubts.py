"""Masks of a finished session that are probably wrong."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager

from sampt._internal.names import plural
from sampt.interactive.session import InteractiveSession
from sampt.output.review import Reviewer, Stretch
from sampt.video.reader import Video


def doubtful(
    session: InteractiveSession,
    video: Video,
    turn: Callable[[], AbstractContextManager[object]],
    valid: Callable[[], bool],
) -> Generator[int, None, list[Stretch]]:
    """Look at all masks of a session, in turns of one frame.

    Args:
        session: the session; all its frames are finished.
        video: its video.
        turn: makes a context in which the session may be used.
        valid: whether the session is still the one to look at, asked in each turn.

    Yields:
        The number of each frame, after its turn.

    Returns:
        The stretches that are worth checking; none if the session was edited or closed meanwhile.
    """
    with turn():
        reviewer = Reviewer(session.queries(), session.method.segmenter.preview)
    for frame in range(len(video)):
        with turn():
            if not valid():
                return []
            reviewer.see(video[frame], session.frame(frame))
        yield frame
    return reviewer.stretches()


def note_after_run(left: int, doubts: int) -> str:
    """Sentences for the person, after a run that left some frames, or whose masks were looked at."""
    if left:
        return f"Stopped with {plural(left, 'frame')} left. Press Run to continue."
    if doubts:
        return (
            "All frames are done. Where the timeline is red, masks may be wrong: correct them, and press Run."
        )
    return "All frames are done. Step through them, correct any mistakes, and press Run again."
