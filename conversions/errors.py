"""What can stop a run, and who acts next.

ConversionsError
├── SettingsError              the operator edits settings or environment               exit 78
├── SourceError                the shop's data cannot be read                           exit 66
│   └── SourceUnavailable        … right now; run again later                           exit 75
├── DestinationError
│   ├── Unauthorised             a credential is missing, expired or lacks rights       exit 77
│   ├── Throttled                the platform asks to wait longer than this run may     exit 75
│   ├── Unavailable              the platform is down or out of reach                   exit 75
│   └── Refused                  the platform refuses for a reason that is ours         exit 70
├── DisclosureError            something was about to leave that may not               exit 70
├── LedgerError                the store cannot be trusted: stop, touch nothing         exit 74
├── AnotherRun                 another run holds the lock                               exit 75
├── CrewLost                   a helper process died                                    exit 75
├── Stopped                    somebody told the run to stop                            exit 75
└── Usage                      the command line asks for something that makes no sense  exit 2

What reads fine but looks wrong (65) is no exception: a ``Finding`` says so, and a person accepts it by name. Neither is
one bad order: it is a value (``RowRejected``, ``Withheld``, a ``Receipt`` with culprits).
Messages carry order numbers, field names and the next command; never values of personal fields, tokens, or addresses
with a query.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (sysexits.h where one fits)."""

    OK = 0
    ATTENTION = 1
    USAGE = 2
    DATA = 65
    NO_INPUT = 66
    REFUSED = 70
    STORE = 74
    TRY_AGAIN = 75
    CREDENTIALS = 77
    CONFIG = 78


PRECEDENCE = (
    Exit.STORE,
    Exit.CONFIG,
    Exit.CREDENTIALS,
    Exit.REFUSED,
    Exit.DATA,
    Exit.NO_INPUT,
    Exit.TRY_AGAIN,
    Exit.USAGE,
    Exit.ATTENTION,
    Exit.OK,
)
"""The first that applies wins."""


def worst(codes: "list[Exit]") -> Exit:
    """The exit code of a run, from those of its parts."""
    return min(codes, key=PRECEDENCE.index, default=Exit.OK)


class ConversionsError(Exception):
    """Something stopped; the message is one clear sentence that names the next step."""

    exit_code = Exit.REFUSED


class SettingsError(ConversionsError):
    """The operator must edit settings or environment."""

    exit_code = Exit.CONFIG


class SourceError(ConversionsError):
    """The shop's data cannot be read."""

    exit_code = Exit.NO_INPUT


class SourceUnavailable(SourceError):
    """The shop's data cannot be read right now."""

    exit_code = Exit.TRY_AGAIN


class DestinationError(ConversionsError):
    """One destination cannot go on; the others do."""


class Unauthorised(DestinationError):
    """A credential is missing, expired or lacks rights."""

    exit_code = Exit.CREDENTIALS


class Throttled(DestinationError):
    """The platform asks to wait longer than this run may."""

    exit_code = Exit.TRY_AGAIN


class Unavailable(DestinationError):
    """The platform is down or out of reach."""

    exit_code = Exit.TRY_AGAIN


class Refused(DestinationError):
    """The platform refuses for a reason that is ours, not one order's."""

    exit_code = Exit.REFUSED


class DisclosureError(ConversionsError):
    """Something was about to leave that the disclosure policy does not list."""

    exit_code = Exit.REFUSED


class LedgerError(ConversionsError):
    """The store cannot be trusted."""

    exit_code = Exit.STORE


class AnotherRun(ConversionsError):
    """Another run holds the lock."""

    exit_code = Exit.TRY_AGAIN


class WorkerLost(ConversionsError):
    """A helper process died, mostly for want of memory; what it did not hand back was not done."""

    exit_code = Exit.TRY_AGAIN


class Stopped(ConversionsError):
    """Somebody told the run to stop, by SIGTERM or Ctrl-C."""

    exit_code = Exit.TRY_AGAIN


class Usage(ConversionsError):
    """The command line asks for something that makes no sense."""

    exit_code = Exit.USAGE
