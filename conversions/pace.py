"""How fast one destination may be asked: evenly, so that a platform's per-minute quota is never met in one burst."""

from contextlib import AbstractAsyncContextManager, nullcontext

from aiolimiter import AsyncLimiter


def open_pace(requests_per_minute: int) -> AbstractAsyncContextManager[None]:
    """A gate that opens at even distances; ``0`` is unlimited, for rehearsals."""
    if requests_per_minute == 0:
        return nullcontext()
    return AsyncLimiter(1, 60 / requests_per_minute)
