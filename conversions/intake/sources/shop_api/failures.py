"""A request to a shop that brought no orders."""

from dataclasses import dataclass

from conversions.errors import SourceError, SourceUnavailable
from conversions.transport import unreachable
from conversions.transport.http import NoResponse
from conversions.transport.not_sent import NotSent

MAX_WAIT_SECONDS = 120.0
"""A shop that asks for a longer wait is left to a later run."""
SILENT = "did not answer ({why})."


@dataclass(frozen=True, slots=True)
class Failure:
    """One request without a page of orders."""

    sentence: str
    passing: bool = False
    """Whether the same request may succeed later."""
    wait: float | None = None
    """Seconds that the shop asks to wait."""

    @property
    def again(self) -> bool:
        """Whether this run should ask again."""
        return self.passing and (self.wait or 0) <= MAX_WAIT_SECONDS

    def error(self, site: str) -> SourceError:
        """Return the exception for a run that cannot go on."""
        kind = SourceUnavailable if self.passing else SourceError
        next_ = "Run `conversions run` again later." if self.passing else "`conversions doctor` checks it."
        return kind(f"The shop {site} {self.sentence} No order was kept, and nothing was sent. {next_}")


def unfit(sentence: str) -> SourceError:
    """Return the exception for pages that can be read one by one, and that make no whole window together."""
    return SourceError(
        f"The shop {sentence} No order was kept, and nothing was sent. Run `conversions run` again afterwards."
    )


def no_answer(result: NotSent | NoResponse, too_large: str) -> Failure:
    """Return the failure of a request that the shop did not answer; *too_large* is the sentence for an endless one."""
    if isinstance(result, NotSent):
        return Failure(f"cannot be asked. {unreachable.sentence('it', result)}", passing=True)
    if result.why == "EndlessAnswer":
        return Failure(too_large)
    return Failure(SILENT.format(why=result.why), passing=True)
