from __future__ import annotations

import pytest

from sampt._internal.closing import Closing


class Door(Closing):
    closed = False

    def close(self) -> None:
        self.closed = True


def test_the_block_gets_the_thing_itself_and_closes_it() -> None:
    with Door() as door:
        assert not door.closed
    assert door.closed


def test_an_exception_closes_it_and_goes_on() -> None:
    with pytest.raises(KeyboardInterrupt), Door() as door:
        raise KeyboardInterrupt
    assert door.closed
