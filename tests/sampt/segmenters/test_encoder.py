"""Frames are encoded once, several together, read ahead, and kept as budgets allow."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from sampt import QueryPoints
from sampt.config.schema import CacheBudget
from sampt.errors import DeviceMemoryError
from sampt.segmenters.base import Decoded, Embedding, Prompts
from sampt.segmenters.embedding_cache import EmbeddingCache
from sampt.segmenters.encoder import FrameEncoder
from tests.sampt.parts import ColourSegmenter, squares, tiny_segmenter
from tests.sampt.runs import equal, green, masks_of, model, red, segment

PLENTY = CacheBudget(1 << 30, 1 << 30)
SIZE = 48 * 64 * 3
"""Bytes of one embedding of ``ColourSegmenter``."""


class Batches(ColourSegmenter):
    """Notes which frames it is given together, by the column in which red begins."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[list[int]] = []

    def encode(self, frames: Sequence[np.ndarray]) -> list[Embedding]:
        self.together.append([int(np.nonzero(frame[10].any(1))[0][0]) - 6 for frame in frames])
        return super().encode(frames)


@pytest.fixture
def encoder() -> Iterator[FrameEncoder]:
    made = FrameEncoder(Batches(), squares(12), PLENTY, batch=4)
    yield made
    made.close()


class TestBatches:
    def test_frames_that_follow_are_encoded_along(self, encoder):
        for index in range(12):
            embedding = encoder(index, range(index + 1, 12))
            assert (embedding.features == encoder.source[index]).all()
        assert encoder.segmenter.together == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
        assert encoder.calls == 12

    def test_backward_in_time(self, encoder):
        for index in range(11, -1, -1):
            encoder(index, range(index - 1, -1, -1))
        assert encoder.segmenter.together == [[11, 10, 9, 8], [7, 6, 5, 4], [3, 2, 1, 0]]

    def test_frames_that_are_at_hand_are_left_out(self, encoder):
        encoder(2)
        encoder(0, range(1, 12))
        assert encoder.segmenter.together == [[2], [0, 1, 3, 4]]

    def test_no_frame_beyond_the_end(self, encoder):
        encoder(10, range(11, 12))
        assert encoder.segmenter.together == [[10, 11]]

    def test_a_tiny_budget_still_holds_a_batch(self):
        encoder = FrameEncoder(Batches(), squares(12), CacheBudget(0, 0), batch=4)
        for index in range(12):
            encoder(index, range(index + 1, 12))
        assert encoder.calls == 12

    @pytest.mark.parametrize("batch", [2, 3, 5])
    def test_results_are_those_of_single_frames(self, batch):
        alone = segment(model(), squares(), red(3), green(8))
        made = model(frames_per_batch=batch)
        equal(alone, segment(made, squares(), red(3), green(8)))
        assert made.segmenter.encoded == 12

    def test_results_of_sam_are_those_of_single_frames(self):
        alone = segment(model(segmenter=tiny_segmenter()), squares(5), red(), green())
        together = segment(model(segmenter=tiny_segmenter(), frames_per_batch=4), squares(5), red(), green())
        for id in (1, 2):
            assert (masks_of(alone, id) == masks_of(together, id)).mean() > 0.999


class Watched:
    """A source that knows which threads read which frames; frame 4 waits until somebody lets it go."""

    def __init__(self) -> None:
        self.frames = squares(12)
        self.readers: dict[int, str] = {}
        self.gate = threading.Event()

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        if index == 4:
            assert self.gate.wait(10)
        self.readers[index] = threading.current_thread().name
        return self.frames[index]


class TestReadingAhead:
    def test_the_next_batch_is_read_while_this_one_is_used(self):
        source = Watched()
        encoder = FrameEncoder(ColourSegmenter(), source, PLENTY, batch=4)
        encoder(0, range(1, 12))  # does not wait for frame 4
        assert 4 not in source.readers
        source.gate.set()
        encoder(4, range(5, 12))
        assert all(name.startswith("sampt-frames") for name in source.readers.values())
        encoder.close()

    def test_no_thread_without_batches(self):
        source = Watched()
        FrameEncoder(ColourSegmenter(), source, PLENTY)(0, range(1, 12))
        assert source.readers == {0: threading.current_thread().name}

    def test_a_frame_that_cannot_be_read_fails_where_it_is_needed(self):
        class Broken(Watched):
            def __getitem__(self, index: int) -> np.ndarray:
                if index == 5:
                    raise OSError("frame 5 is gone")
                return self.frames[index]

        encoder = FrameEncoder(ColourSegmenter(), Broken(), PLENTY, batch=4)
        encoder(0, range(1, 12))
        with pytest.raises(OSError, match="frame 5 is gone"):
            encoder(4, range(5, 12))
        encoder.close()

    def test_closing_a_segmentation_ends_its_thread(self):
        stream = model(frames_per_batch=2).stream(squares(), QueryPoints((red(),)))
        next(stream)
        stream.close()
        assert not any(t.name.startswith("sampt-frames") for t in threading.enumerate())


def embedding(number: int, nbytes: int = 10) -> Embedding:
    return Embedding((torch.full((1,), float(number)),), (4, 4), nbytes)


class TestCacheOnTheCpu:
    def cache(self, host_bytes: int, least: int = 1) -> EmbeddingCache:
        return EmbeddingCache(torch.device("cpu"), CacheBudget(1 << 30, host_bytes), least)

    def test_the_hosts_budget_counts(self):
        cache = self.cache(host_bytes=25)
        for i in range(5):
            cache.put(i, embedding(i))
        assert [i for i in range(5) if i in cache] == [3, 4]
        assert cache.nbytes == 20

    def test_the_least_recently_used_goes_first(self):
        cache = self.cache(host_bytes=20)
        cache.put(0, embedding(0))
        cache.put(1, embedding(1))
        assert cache.get(0) is not None
        cache.put(2, embedding(2))
        assert 0 in cache and 1 not in cache

    def test_counters(self):
        cache = self.cache(host_bytes=100)
        cache.put(0, embedding(0))
        for index in (0, 0, 1):
            cache.get(index)
        assert (cache.device_hits, cache.host_hits, cache.misses) == (0, 2, 1)

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 30))), st.integers(0, 60))
    @example([(True, 1, 0), (True, 0, 1), (False, 1, 0)], 0)
    def test_budget_and_contents_always_agree(self, steps, budget):
        cache, put = self.cache(budget), {}
        for is_put, index, nbytes in steps:
            if is_put:
                put[index] = embedding(index, nbytes)
                cache.put(index, put[index])
            elif index in cache:
                assert cache.get(index) is put[index]
            assert cache.nbytes == sum(put[i].nbytes for i in put if i in cache)
            assert cache.nbytes <= budget or len(cache) == 1


class TestTwoTiers:
    """Where there is a GPU; PyTorch's ``meta`` device has a GPU's place here, but no contents."""

    @pytest.fixture
    def cache(self, monkeypatch) -> EmbeddingCache:
        monkeypatch.setattr(Embedding, "to", lambda self, device: self)
        return EmbeddingCache(torch.device("meta"), CacheBudget(device_bytes=20, host_bytes=30))

    def test_what_does_not_fit_on_the_device_goes_to_the_host_and_then_away(self, cache):
        for i in range(7):
            cache.put(i, embedding(i))
        assert [i for i in range(7) if i in cache] == [2, 3, 4, 5, 6]
        assert cache.get(6) is not None and cache.get(2) is not None and cache.get(0) is None
        assert (cache.device_hits, cache.host_hits, cache.misses) == (1, 1, 1)

    def test_a_hit_on_the_host_brings_it_back_to_the_device(self, cache):
        for i in range(4):
            cache.put(i, embedding(i))
        cache.get(0)
        cache.get(0)
        assert (cache.device_hits, cache.host_hits) == (1, 1)
        assert len(cache) == 4

    def test_what_is_too_large_for_the_host_is_not_copied_there(self, cache, monkeypatch):
        def forbidden(*_: object) -> Embedding:
            raise AssertionError("copied")

        monkeypatch.setattr(Embedding, "to", forbidden)
        cache.put(0, embedding(0, 40))
        cache.put(1, embedding(1, 40))
        assert len(cache) == 1

    def test_shrinking_frees_the_device(self, cache):
        for i in range(3):
            cache.put(i, embedding(i))
        cache.shrink()
        cache.get(2)
        assert cache.device_hits == 1  # the newest stays
        cache.get(1)
        assert cache.host_hits == 1


class TestOnDisk:
    def cache(self, host_bytes: int = 10, disk_bytes: int = 1000) -> EmbeddingCache:
        return EmbeddingCache(torch.device("cpu"), CacheBudget(0, host_bytes, disk_bytes))

    def test_what_leaves_memory_comes_back_from_files(self):
        cache = self.cache()
        for i in range(5):
            cache.put(i, embedding(i))
        for i in range(5):
            assert cache.get(i).features[0].item() == i
        assert (cache.disk_hits, cache.misses) == (5, 0)
        assert cache.nbytes <= 10

    def test_an_array_comes_back_as_one(self):
        cache, frame = self.cache(), np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
        cache.put(0, Embedding(frame, (2, 2), 12))
        cache.put(1, embedding(1))
        found = cache.get(0)
        np.testing.assert_array_equal(found.features, frame)
        assert (found.size, found.nbytes) == ((2, 2), 12)

    def test_the_first_frames_stay_where_not_all_have_room(self):
        cache = self.cache(disk_bytes=25)
        for i in range(6):
            cache.put(i, embedding(i))
        assert [i for i in range(6) if i in cache] == [0, 1, 5]

    def test_closing_removes_the_files(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        cache = self.cache()
        for i in range(3):
            cache.put(i, embedding(i))
        assert len(list(tmp_path.rglob("*.pt"))) == 2
        cache.close()
        assert not list(tmp_path.iterdir())
        assert cache.get(0) is None

    def test_going_through_a_video_again_encodes_nothing(self):
        clip = np.random.default_rng(0).integers(0, 255, (6, 24, 32, 3), np.uint8)
        encoder = FrameEncoder(ColourSegmenter(), clip, CacheBudget(0, 1, 1 << 30))
        for _ in range(3):
            for i in range(6):
                encoder(i)
        assert encoder.counts["frames"] == 6
        encoder.close()


class TestOutOfMemory:
    class Full(Batches):
        """Runs out of memory when it encodes more than one frame, or decodes, so many times."""

        def __init__(self, encodes: int = 0, decodes: int = 0) -> None:
            super().__init__()
            self.encodes, self.decodes = encodes, decodes

        def encode(self, frames: Sequence[np.ndarray]) -> list[Embedding]:
            if self.encodes:
                self.encodes -= 1
                raise torch.OutOfMemoryError("out of memory")
            return super().encode(frames)

        def decode(self, embedding: Embedding, prompts: Prompts, contexts: object = None) -> Decoded:
            if self.decodes:
                self.decodes -= 1
                raise torch.OutOfMemoryError("out of memory")
            return super().decode(embedding, prompts)

    def test_once_it_goes_on_frame_by_frame_with_a_warning(self, caplog):
        segmenter = self.Full(encodes=1)
        made = model(segmenter=segmenter, frames_per_batch=4)
        equal(segment(made, squares(), red()), segment(model(), squares(), red()))
        assert segmenter.together == [[i] for i in range(12)]
        assert len(caplog.records) == 1 and "ran out" in caplog.text

    def test_while_decoding_likewise(self, caplog):
        made = model(segmenter=self.Full(decodes=1), frames_per_batch=4)
        equal(segment(made, squares(), red()), segment(model(), squares(), red()))
        assert len(caplog.records) == 1 and "ran out" in caplog.text

    @pytest.mark.parametrize("faults", [{"encodes": 2}, {"decodes": 2}], ids=str)
    def test_twice_is_an_error_that_says_what_to_do(self, faults):
        with pytest.raises(DeviceMemoryError, match=r"colour.*--device cpu"):
            segment(model(segmenter=self.Full(**faults), frames_per_batch=4), squares(), red())
