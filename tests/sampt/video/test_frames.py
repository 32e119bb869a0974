"""Everything that a caller may have for a video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt import SyntheticScene, Video, VideoError, VideoWriter
from sampt.trackers.clip import Clip
from sampt.video.frames import ImageStream, open_frames

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 24, 32, 3), np.uint8)


def frames_of(clip: Clip) -> list[np.ndarray]:
    return list(clip)


@pytest.mark.parametrize(
    "given",
    [
        FRAMES,
        list(FRAMES),
        tuple(FRAMES),
        [Image.fromarray(frame) for frame in FRAMES],
        Clip(FRAMES),
    ],
    ids=["array", "list", "tuple", "pillow", "clip"],
)
def test_frames_come_as_they_were_given(given: object) -> None:
    clip, opened = open_frames(given)  # type: ignore[arg-type]
    assert opened is None and len(clip) == 5
    np.testing.assert_array_equal(np.stack(frames_of(clip)), FRAMES)


def test_an_iterator_has_no_length_but_the_same_frames() -> None:
    clip, _ = open_frames(iter(FRAMES))
    assert clip.endless
    with pytest.raises(TypeError):
        len(clip)
    np.testing.assert_array_equal(np.stack(frames_of(clip)), FRAMES)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_opened_and_handed_over_to_be_closed(kind: type, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    scene = SyntheticScene(frames=4, height=48, width=64)
    with VideoWriter(path, 25, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    clip, opened = open_frames(kind(path))
    assert isinstance(opened, Video) and len(clip) == 4
    opened.close()


def test_images_of_any_mode_become_rgb() -> None:
    clip, _ = open_frames([Image.new("L", (8, 6), 77), Image.new("RGBA", (8, 6), (1, 2, 3, 255))])
    first, second = frames_of(clip)
    assert first.shape == (6, 8, 3) and (first == 77).all() and (second == (1, 2, 3)).all()


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (np.zeros((24, 32, 3), np.float32), "uint8"),
        (np.zeros((24, 32, 3), np.uint16), "uint16"),
        (np.zeros((24, 32), np.uint8), "grey"),
        (np.zeros((3, 24, 32), np.uint8), "transpose"),
        (np.zeros((24, 32, 4), np.uint8), "alpha"),
        (np.zeros((1, 24, 32, 3), np.uint8), "one image"),
        (np.zeros((24, 32, 1), np.uint8), "axis of length 1"),
        (np.zeros((1, 24, 32), np.uint8), "axis of length 1"),
        (7, "int"),
    ],
    ids=[
        "float",
        "16 bit",
        "grey",
        "channels first",
        "alpha",
        "batch",
        "one channel",
        "one channel first",
        "number",
    ],
)
@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
def test_what_is_no_frame_is_refused(frame: object, word: str, wrap: type) -> None:
    with pytest.raises(VideoError, match=word):
        frames_of(open_frames(wrap([frame]))[0])


@pytest.mark.parametrize(
    "given",
    [FRAMES[0], FRAMES.astype(float), FRAMES.transpose(0, 3, 1, 2), FRAMES[:0], [], 7, None, b"clip.mp4"],
    ids=["one image", "float", "channels first", "no frame", "empty list", "number", "nothing", "bytes"],
)
def test_what_is_no_video_is_refused(given: object) -> None:
    with pytest.raises(VideoError):
        open_frames(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
def test_frames_of_several_sizes_are_refused(wrap: type) -> None:
    with pytest.raises(VideoError, match="frame 1 is 16x12"):
        frames_of(open_frames(wrap([FRAMES[0], FRAMES[1][:12, :16]]))[0])


class TestStreams:
    def numbered(self, count: int, size: int = 4) -> Iterator[np.ndarray]:
        return (np.full((size, size, 3), t % 256, np.uint8) for t in range(count))

    def test_nothing_is_read_before_it_is_asked_for(self) -> None:
        read = []

        def frames() -> Iterator[np.ndarray]:
            for t in range(10):
                read.append(t)
                yield FRAMES[0]

        stream = ImageStream(frames())
        assert read == []
        assert stream.has(2) and read == [0, 1, 2]

    def test_only_the_latest_are_kept(self) -> None:
        stream = ImageStream(self.numbered(500))
        assert stream.has(499) and not stream.has(500)
        assert stream[499][0, 0, 0] == 499 % 256
        with pytest.raises(VideoError, match="frame 10 "):
            stream[10]

    def test_large_frames_are_kept_within_a_budget(self) -> None:
        stream = ImageStream(self.numbered(40, size=2600))
        assert stream.has(39)
        with pytest.raises(VideoError, match="frame 25 "):
            stream[25]

    def test_beyond_the_end_there_is_nothing(self) -> None:
        clip = Clip(ImageStream(self.numbered(5)))
        assert clip.has(4) and not clip.has(5)
        assert (clip.until(3), clip.until(5), clip.until(8)) == (3, 5, 5)
        with pytest.raises(IndexError):
            clip[5]

    @pytest.mark.parametrize("part", [slice(2, None), slice(0, None, 3), slice(1, 4), slice(3, 90, 2)])
    def test_a_part_of_a_stream(self, part: slice) -> None:
        clip = Clip(ImageStream(self.numbered(8)))[part]
        assert [int(frame[0, 0, 0]) for frame in clip] == list(range(8))[part]
