"""Errors that stop a run or one destination, and their exit codes.

ConversionsError
├── SettingsError              the operator edits settings or environment              exit 78
├── SourceError                the shop's data cannot be read                          exit 66
│   ├── SourceUnavailable        … at the moment; run again later                      exit 75
│   └── NotAnExport              this file is no export of orders; others may be       exit 66
├── DestinationError
│   ├── Unauthorised             a credential is missing, expired or lacks rights      exit 77
│   ├── Throttled                the platform asks for a longer wait than the run has  exit 75
│   ├── Unavailable              the platform is down or unreachable                   exit 75
│   └── Refused                  the platform refuses because of our settings          exit 70
├── DisclosureError            the disclosure policy does not allow an event           exit 70
├── LedgerError                the store may be damaged: stop, and write nothing       exit 74
├── AnotherRun                 another run holds the lock                              exit 75
├── WorkerLost                 a worker process died                                   exit 75
├── Stopped                    SIGTERM stopped the run                                 exit 75
│   └── Interrupted              … or Ctrl-C                                           exit 130
└── Usage                      the command line contradicts itself or the settings     exit 2

Data that is readable but looks wrong (exit 65) is not an exception: it is a ``Finding``, which a person can accept by
name. One bad order is not an exception either: it is a value (``RowRejected``, ``Withheld``, ``FailedItem``).
Messages contain order numbers, field names and the next command. They never contain values of personal fields, tokens,
or URLs with a query.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command, from sysexits.h where it has a suitable one."""

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
    INTERRUPTED = 130
    """After Ctrl-C: 128 and the number of the signal, as in shells."""


PRECEDENCE = (
    Exit.STORE,
    Exit.CONFIG,
    Exit.CREDENTIALS,
    Exit.REFUSED,
    Exit.DATA,
    Exit.NO_INPUT,
    Exit.INTERRUPTED,
    Exit.TRY_AGAIN,
    Exit.USAGE,
    Exit.ATTENTION,
    Exit.OK,
)
"""The run exits with the first of these codes that applies."""


def worst(codes: "list[Exit]") -> Exit:
    """Return the exit code of a run, from the exit codes of its parts."""
    return min(codes, key=PRECEDENCE.index, default=Exit.OK)


class ConversionsError(Exception):
    """The base of all errors; the message says what happened and names the next step."""

    exit_code = Exit.REFUSED


class SettingsError(ConversionsError):
    """The operator must edit the settings or the environment."""

    exit_code = Exit.CONFIG


class SourceError(ConversionsError):
    """The shop's data cannot be read."""

    exit_code = Exit.NO_INPUT


class SourceUnavailable(SourceError):
    """The shop's data cannot be read at the moment."""

    exit_code = Exit.TRY_AGAIN


class NotAnExport(SourceError):
    """A file that is whole but empty, or lacks mapped columns. Other files of the source can be read."""


class DestinationError(ConversionsError):
    """One destination cannot go on; the others can."""


class Unauthorised(DestinationError):
    """A credential is missing, expired or lacks rights."""

    exit_code = Exit.CREDENTIALS


class Throttled(DestinationError):
    """The platform asks for a longer wait than the run has."""

    exit_code = Exit.TRY_AGAIN


class Unavailable(DestinationError):
    """The platform is down or unreachable."""

    exit_code = Exit.TRY_AGAIN


class Refused(DestinationError):
    """The platform refuses because of our settings or account, not because of one order."""

    exit_code = Exit.REFUSED


class DisclosureError(ConversionsError):
    """An event contains something that the disclosure policy does not list."""

    exit_code = Exit.REFUSED


class LedgerError(ConversionsError):
    """The store may be damaged."""

    exit_code = Exit.STORE


class AnotherRun(ConversionsError):
    """Another run holds the lock."""

    exit_code = Exit.TRY_AGAIN


class WorkerLost(ConversionsError):
    """A worker process died, usually because memory ran out; the run lost nothing that it had written."""

    exit_code = Exit.TRY_AGAIN


class Stopped(ConversionsError):
    """A signal stopped the run."""

    exit_code = Exit.TRY_AGAIN


class Interrupted(Stopped):
    """Ctrl-C stopped the run."""

    exit_code = Exit.INTERRUPTED


class Usage(ConversionsError):
    """The command line contradicts itself or the settings."""

    exit_code = Exit.USAGE
