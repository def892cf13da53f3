"""The attempts of one page: a failure in the middle of a reading costs that page alone."""

from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from conversions.intake.sources.shop_api.failures import Failure

ATTEMPTS = 6
"""Tries of one page: about a minute, so that a short outage costs no night."""
_BACKOFF = wait_random_exponential(multiplier=1, max=30)


def retrying(sleep: Callable[[float], None]) -> Retrying:
    """Return what calls a function until it returns no ``Failure`` to be tried again; then it returns the last result.

    *sleep* waits between two attempts: as long as the shop asks for, else longer each time.
    """
    return Retrying(
        retry=retry_if_result(lambda result: isinstance(result, Failure) and result.again),
        wait=_wait,
        stop=stop_after_attempt(ATTEMPTS),
        retry_error_callback=_last_result,
        sleep=sleep,
    )


def _wait(state: RetryCallState) -> float:
    failure = state.outcome.result() if state.outcome else None
    asked = failure.wait if isinstance(failure, Failure) else None
    return _BACKOFF(state) if asked is None else asked


def _last_result(state: RetryCallState) -> object:
    return state.outcome.result() if state.outcome else None
