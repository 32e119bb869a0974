"""SAM-PT (Rajič et al., WACV 2025; arXiv 2307.01197): points are tracked and prompt SAM in every frame.

The path of a point, from what a person types to a pixel of a PNG:

1. ``prompts.text``          ``--point 1:0:320,180:+`` is read,
2. ``prompts.object_query``  and becomes a positive or negative of an ``ObjectQuery``, at its query frame.
3. ``pipeline``              ``SamPt.stream`` opens the video and checks the queries against it.
4. ``samplers``              Where a mask or box was given, points are drawn from it (Sec. 3.1).
5. ``pipeline``              An object's points are ``FramePoints``: places, signs, visibility.
6. ``loop``                  They are handed to the tracker, the objects that are tracked together at once,
7. ``trackers``              which yields their place and visibility in each frame, a ``Step`` (Sec. 3.2);
8. ``trackers.filters``      points at the border, or that no longer look alike, are marked,
9. ``loop``                  and the step is taken apart into ``FramePoints`` again.
10. ``segmenters.encoder``   The frame is encoded, only once.
11. ``prompting``            Visible points, and other objects' positives as negatives, become ``Prompts``,
12. ``segmenters``           which are decoded: the positives alone first, then all with that mask (Sec. 3.3),
13. ``prompting``            then a few times more with the mask and its box, into an ``ObjectState``.
14. ``reinitialisation``     At times, points are sampled again (Sec. 3.4): back to 4.
15. ``pipeline``             Logits are brought to the frame's size, each pixel goes to one object,
16. ``methods.results``      and the frame's objects are a ``FrameResult``,
17. ``output``               which is written: a label map, the overlay, trajectories, ``result.json``.

While a person edits points, ``solver`` and ``timeline`` take the place of ``loop``: docs/design.md says why
there are two. Both share ``parts``: the exchangeable parts and all settings.
"""
