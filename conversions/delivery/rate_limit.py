"""How fast one destination may be asked: evenly, so that a platform's per-minute quota is never met in one burst."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

from aiolimiter import AsyncLimiter


def rate_limiter(requests_per_minute: int) -> AbstractAsyncContextManager[None]:
    """A gate that opens at even distances; ``0`` is unlimited, for rehearsals."""
    if requests_per_minute == 0:
        return nullcontext()
    return AsyncLimiter(1, 60 / requests_per_minute)


async def turn(pace: AbstractAsyncContextManager[None], stop: asyncio.Event) -> None:
    """Wait until *pace* opens, or until told to *stop*."""
    waits = {asyncio.ensure_future(pace.__aenter__()), asyncio.ensure_future(stop.wait())}
    _, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
