"""The rate limit of one destination: requests at even intervals, so that no burst uses up a per-minute quota."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

from aiolimiter import AsyncLimiter


def rate_limiter(requests_per_minute: int) -> AbstractAsyncContextManager[None]:
    """Return a limiter that admits requests at even intervals; ``0`` means no limit, for rehearsals."""
    if requests_per_minute == 0:
        return nullcontext()
    return AsyncLimiter(1, 60 / requests_per_minute)


def has_to_wait(limiter: AbstractAsyncContextManager[None]) -> bool:
    """Return whether *limiter* admits no request right now."""
    return isinstance(limiter, AsyncLimiter) and not limiter.has_capacity()


async def acquire(limiter: AbstractAsyncContextManager[None], stop: asyncio.Event) -> None:
    """Wait until *limiter* admits a request, or until *stop* is set."""
    waits = {asyncio.ensure_future(limiter.__aenter__()), asyncio.ensure_future(stop.wait())}
    _, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
