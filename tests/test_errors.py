"""Exit codes, and which of several applies."""

import inspect
import itertools
import re

import pytest

from conversions import errors
from conversions.errors import PRECEDENCE, ConversionsError, Exit, worst

CODES = {
    "SettingsError": 78,
    "SourceError": 66,
    "SourceUnavailable": 75,
    "Unauthorised": 77,
    "Throttled": 75,
    "Unavailable": 75,
    "Refused": 70,
    "NotAnExport": 66,
    "DisclosureError": 70,
    "LedgerError": 74,
    "AnotherRun": 75,
    "WorkerLost": 75,
    "Stopped": 75,
    "Interrupted": 130,
    "Usage": 2,
}
"""As the operator's contract lists them."""
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, ConversionsError) and kind is not ConversionsError
}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_exit_code_of(name: str, code: int) -> None:
    assert CLASSES[name].exit_code == code


def test_every_error_has_its_place_in_the_tree_that_the_docstring_draws() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+)(?:.* exit (\d+))?", errors.__doc__ or ""))

    assert set(drawn) == set(CLASSES)
    assert {name: int(code) for name, code in drawn.items() if code} == CODES


def test_depth_in_the_drawing_is_depth_in_the_tree() -> None:
    for branch, name in re.findall(r"^(.*?)[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE):
        assert len(CLASSES[name].__mro__) - len(ConversionsError.__mro__) == (2 if branch else 1), name


def test_the_first_that_applies_wins() -> None:
    assert [int(code) for code in PRECEDENCE] == [74, 78, 77, 70, 65, 66, 130, 75, 2, 1, 0]
    assert set(PRECEDENCE) == set(Exit)


@pytest.mark.parametrize(("graver", "other"), list(itertools.pairwise(PRECEDENCE)))
def test_of_two_the_graver_is_told_in_either_order(graver: Exit, other: Exit) -> None:
    assert worst([graver, other]) is worst([other, graver]) is worst([other, graver, Exit.OK]) is graver


def test_nothing_wrong_is_ok() -> None:
    assert worst([]) is worst([Exit.OK]) is Exit.OK
