"""The pace: even distances, on a clock that jumps instead of waiting."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from conversions.delivery.rate_limit import acquire, rate_limiter


class Jumping(selectors.SelectSelector):
    """Where a loop would wait, time passes at once; a microsecond passes anyway."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(timeout or 0, 1e-6)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def played(story: Callable[[], Coroutine[Any, Any, list[float]]]) -> list[float]:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(story())


def moments(requests_per_minute: int, requests: int, workers: int) -> list[float]:
    """When each of so many requests may begin, with so many waiting at once."""

    async def story() -> list[float]:
        pace, begun = rate_limiter(requests_per_minute), list[float]()

        async def work() -> None:
            for _ in range(requests // workers):
                async with pace:
                    begun.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(work() for _ in range(workers)))
        return begun

    return played(story)


@pytest.mark.parametrize("workers", [1, 4, 8])
@pytest.mark.parametrize("requests_per_minute", [60, 300])
def test_requests_begin_at_even_distances_however_many_wait(requests_per_minute: int, workers: int) -> None:
    begun = moments(requests_per_minute, 40, workers)

    distance = 60 / requests_per_minute
    assert begun == pytest.approx([i * distance for i in range(40)], abs=distance / 100)


def test_time_that_nobody_used_is_not_saved_up_for_a_burst() -> None:
    async def story() -> list[float]:
        pace, loop, begun = rate_limiter(60), asyncio.get_running_loop(), list[float]()
        await asyncio.sleep(3600)
        for _ in range(3):
            async with pace:
                begun.append(loop.time())
        return begun

    assert played(story) == pytest.approx([3600, 3601, 3602], abs=0.01)


def test_zero_is_no_pace_at_all() -> None:
    assert moments(0, 1000, 4) == pytest.approx([0.0] * 1000, abs=0.01)


def test_told_to_stop_nobody_waits_for_a_turn() -> None:
    async def story() -> list[float]:
        pace, stop, loop, begun = rate_limiter(1), asyncio.Event(), asyncio.get_running_loop(), list[float]()

        async def work() -> None:
            await acquire(pace, stop)
            begun.append(loop.time())

        loop.call_later(90, stop.set)
        await asyncio.gather(*(work() for _ in range(8)))
        return begun

    assert played(story) == pytest.approx([0, 60, *[90] * 6], abs=0.01)
