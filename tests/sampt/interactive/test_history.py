"""Undo, redo, files: whatever happened on the way, masks depend on the edits that are left."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt import SamPt
from sampt.config.schema import OnLoss, Prompting
from sampt.errors import PromptError
from sampt.interactive.session import InteractiveSession
from sampt.methods.sam_pt.pipeline import Sampling
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.trackers.base import Visibility
from tests.sampt.parts import ColourSegmenter, DiscSegmenter, SteadyTracker, squares
from tests.sampt.runs import model, results_of

FRAMES = 9
CLIP = squares(FRAMES)


def plain() -> SamPt:
    return model(segmenter=DiscSegmenter(), prompting=Prompting(refinements=0))


class Fading(SteadyTracker):
    """Loses each point after one to five frames, wherever the others are."""

    def stream(self, clip, queries):
        lasts = 1 + (7 * queries[:, 1] + 13 * queries[:, 2]).astype(int) % 5
        for t, (xy, visibility) in enumerate(super().stream(clip, queries)):
            gone = t - queries[:, 0] > lasts
            yield xy, np.where(gone, np.int8(Visibility.INVISIBLE), visibility)


def assisted() -> SamPt:
    """It samples helper points from clicks, and again as its tracker loses them."""
    return model(
        OnLoss(visible_share=0.9, least_visible=1, patience=1, smallest_area=4),
        segmenter=ColourSegmenter(),
        tracker=Fading(),
        sampling=Sampling(RandomSampler(), RandomSampler(), 4, 2, from_clicks=True),
        prompting=Prompting(refinements=0),
    )


frames = st.integers(0, FRAMES - 1)
signs = st.sampled_from([True, True, False])
offsets = st.one_of(
    st.tuples(st.integers(8, 16), st.integers(7, 16)),  # on the red square, where it is in frame 0
    st.tuples(st.integers(5, 12), st.integers(27, 38)),  # on the green one
    st.tuples(st.integers(1, 50), st.integers(1, 46)),
)
edits = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 2), frames, offsets, signs),
    st.tuples(st.just("remove"), st.integers(1, 5), frames),
    st.tuples(st.just("move"), st.integers(1, 5), frames, offsets),
    st.tuples(st.just("drop"), st.integers(1, 2)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)
looks = st.one_of(st.tuples(st.just("look"), frames), st.tuples(st.just("run"), st.integers(1, 20)))
begun = st.tuples(
    st.tuples(st.just("add"), st.just(1), frames, offsets, st.just(True)),
    st.tuples(st.just("add"), st.integers(1, 2), frames, offsets, signs),
    st.just(("run", 99)),
)
scripts = st.builds(lambda *parts: [*parts[0], *parts[1]], begun, st.lists(edits | looks, max_size=8))


def do(session: InteractiveSession, step: tuple) -> None:
    """One step; one that makes no sense here is refused and changes nothing."""
    name, *rest = step
    if name == "add":
        object_id, frame, (x, y), positive = rest
        while object_id not in [o.id for o in session.objects]:
            session.add_object()
        session.add_point(object_id, frame, (x + frame, y), positive)
    elif name == "run":
        for progress in session.run():
            if progress.done == rest[0]:
                session.cancel()
    else:
        actions: dict[str, Callable[..., object]] = {
            "remove": session.remove_point,
            "move": session.move_point,
            "drop": session.remove_object,
            "undo": session.undo,
            "redo": session.redo,
            "look": session.frame,
        }
        with suppress(PromptError):
            actions[name](*rest)


def everything(session: InteractiveSession) -> list[tuple]:
    list(session.run())
    assert session.pending() == []
    return [
        (r.object_ids, r.masks.tobytes(), r.scores.tobytes(), r.points.tobytes(), r.visibility.tobytes())
        for r in results_of(session)
    ]


@pytest.mark.parametrize("make", [plain, assisted])
@settings(max_examples=40, deadline=None)
@given(script=scripts)
def test_masks_depend_on_the_edits_alone(make, script, tmp_path_factory):
    path = tmp_path_factory.mktemp("session") / "session.json"
    session = InteractiveSession(make(), CLIP)
    for step in script:
        do(session, step)
    session.save(path)
    fresh = InteractiveSession(make(), CLIP)
    fresh.load(path)
    assert (fresh.objects, fresh.points) == (session.objects, session.points)
    assert everything(session) == everything(fresh)


@settings(max_examples=60, deadline=None)
@given(script=st.lists(edits, max_size=15))
def test_undoing_all_leads_back_and_redoing_all_forth(script):
    session = InteractiveSession(plain(), CLIP)
    passed = [(session.objects, session.points)]
    for step in script:
        if step[0] in ("undo", "redo"):
            continue
        do(session, step)
        if (session.objects, session.points) != passed[-1]:
            passed.append((session.objects, session.points))
    end = passed[-1]
    while session.undo():
        pass
    assert (session.objects, session.points) == passed[0] == ((), ())
    assert not session.can_undo
    while session.redo():
        pass
    assert (session.objects, session.points) == end


def test_an_edit_after_an_undo_ends_what_could_be_redone():
    session = InteractiveSession(plain(), CLIP)
    session.add_object()
    session.undo()
    assert session.can_redo
    session.add_object("other")
    assert not session.can_redo
    assert session.redo() is False


def test_what_was_undone_is_not_saved_and_what_was_loaded_can_be_undone(tmp_path):
    session = InteractiveSession(plain(), CLIP)
    session.add_point(session.add_object("käse"), np.int64(0), np.float32([10.1, 10]), np.True_)
    session.add_object()
    session.undo()
    session.save(tmp_path / "session.json")
    other = InteractiveSession(plain(), CLIP)
    other.load(tmp_path / "session.json")
    assert [(o.id, o.name) for o in other.objects] == [(1, "käse")]
    assert other.points[0].x == 10.1
    assert not other.can_redo
    assert other.undo()
    assert other.undo()
    assert other.objects == ()


GOOD = {"version": 1, "video": {"frames": FRAMES, "height": 48, "width": 64}, "edits": []}
ADD = {"edit": "add-point", "object_id": 1, "frame": 0, "x": 5, "y": 5.5, "positive": True}

NAMED = {"edit": "add-object", "object_id": 1, "name": "one"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSON"),
        (json.dumps([1]), "version, video, edits"),
        (json.dumps({**GOOD, "version": 2}), "version 2"),
        (json.dumps({**GOOD, "video": {"frames": 3, "height": 48, "width": 64}}), "'frames': 3"),
        (json.dumps({**GOOD, "edits": {}}), "'edits'"),
        (json.dumps({**GOOD, "edits": [{"edit": "paint"}]}), "edit 1: 'edit' .*add-object.*'paint'"),
        (json.dumps({**GOOD, "edits": [{"edit": []}]}), "edit 1: 'edit' .*add-object"),
        (json.dumps({**GOOD, "edits": [{"edit": "add-object"}]}), "edit 1: 'object_id' .*add-object"),
        (json.dumps({**GOOD, "edits": [{**ADD, "frame": 1.5}]}), "'frame' .*int.*1.5"),
        (json.dumps({**GOOD, "edits": [{**ADD, "positive": 1}]}), "'positive' .*bool.*1"),
        (json.dumps({**GOOD, "edits": [{**ADD, "size": 1}]}), "size"),
        (json.dumps({**GOOD, "edits": [ADD]}), "edit 1: .*object 1"),
        (json.dumps({**GOOD, "edits": [{**NAMED, "name": "\ud800"}]}), r"edit 1: .*'\\ud800'"),
        (json.dumps({**GOOD, "edits": [{**NAMED, "object_id": n} for n in range(1, 12)]}), "11 edits.* 10$"),
    ],
)
def test_a_bad_file_is_refused_and_changes_nothing(content, message, tmp_path):
    path = tmp_path / "session.json"
    path.write_text(content)
    session = InteractiveSession(plain(), CLIP)
    session.add_object("mine")
    with pytest.raises(PromptError, match=message) as caught:
        session.load(path, most=10)
    assert str(path) in str(caught.value)
    assert [o.name for o in session.objects] == ["mine"]


def test_a_missing_file(tmp_path):
    with pytest.raises(PromptError, match=r"none\.json"):
        InteractiveSession(plain(), CLIP).load(tmp_path / "none.json")


def test_the_same_points_give_the_same_masks_when_loaded(tmp_path):
    session = InteractiveSession(assisted(), CLIP)
    session.add_point(session.add_object(), 4, (14, 10))
    session.save(tmp_path / "session.json")
    other = InteractiveSession(assisted(), CLIP)
    other.load(tmp_path / "session.json")
    assert everything(session) == everything(other)
    assert np.stack([r.masks for r in results_of(other)]).any()
