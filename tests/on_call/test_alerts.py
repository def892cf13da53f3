import json
import socket
from collections.abc import Iterator

import pytest
import responses

from conversions.errors import Exit
from conversions.on_call import alerts

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own
HOOK = "jsons://hooks.example/T0KEN"
"""apprise's generic JSON hook."""


@pytest.fixture
def hooks() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_the_sentences_are_told(hooks: responses.RequestsMock) -> None:
    hooks.post("https://hooks.example/T0KEN")

    assert alerts.send([HOOK], "Ø", 77, ["google refuses the credentials."]) is None

    told = json.loads(hooks.calls[0].request.body or b"")
    host = socket.gethostname()
    assert told["title"] == f"conversions Ø on {host}: exit 77, a credential is missing, expired or lacks rights"
    assert told["type"] == "failure"
    assert told["message"] == "google refuses the credentials."


def test_many_sentences_are_cut(hooks: responses.RequestsMock) -> None:
    hooks.post("https://hooks.example/T0KEN")

    alerts.send([HOOK], "main", 1, [f"sentence {i}" for i in range(30)])

    lines = json.loads(hooks.calls[0].request.body or b"")["message"].splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 10 more"


def test_an_alert_that_fails_is_a_sentence_without_its_address(hooks: responses.RequestsMock) -> None:
    hooks.post("https://hooks.example/T0KEN", status=500)

    said = alerts.send([HOOK, "nonsense"], "main", 1, ["a"])

    assert said is not None
    assert "T0KEN" not in said


@pytest.mark.parametrize(("code", "severity"), [(1, "warning"), (66, "failure"), (74, "failure"), (75, "info")])
def test_the_severity_is_that_of_the_exit_code(hooks: responses.RequestsMock, code: int, severity: str) -> None:
    hooks.post("https://hooks.example/T0KEN")

    alerts.send([HOOK], "main", code, ["a"])

    assert json.loads(hooks.calls[0].request.body or b"")["type"] == severity


def test_every_exit_code_has_its_words() -> None:
    assert set(alerts.SUBJECTS) == set(Exit) - {Exit.OK}
