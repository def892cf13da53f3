"""What the online checks of both platforms share: the made-up buyer, and the exit code of a refusal."""

from conversions.errors import Exit
from conversions.model.receipt import Next, Receipt

SAMPLE_DIGEST = "e788ea2014693dcdb86767aceb3860a432fc626c6477a6c53016aff40726842b"
"""SHA-256 of nobody@example.com under every platform's rule; the domain is reserved for examples (RFC 2606)."""

_STOPS = {
    Next.RETRY: Exit.TRY_AGAIN,
    Next.RETRY_ONCE: Exit.TRY_AGAIN,
    Next.STOP_QUOTA: Exit.TRY_AGAIN,
    Next.STOP_CREDENTIALS: Exit.CREDENTIALS,
}


def exit_code(refusal: Receipt) -> Exit:
    """Return the exit code by the effect on a run; every other refusal is a mistake in our settings or data."""
    return _STOPS.get(refusal.next, Exit.REFUSED)
