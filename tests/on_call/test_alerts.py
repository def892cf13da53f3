import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses

from conversions.errors import Exit
from conversions.on_call import alerts
from conversions.on_call.alerts import Alert
from conversions.transport.route import DIRECT, Route
from tests.transport.proxy import Authority, Proxy, serving

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own
HOOK = "jsons://hooks.example/T0KEN"
"""apprise's generic JSON hook."""


@pytest.fixture
def hooks() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_the_sentences_are_told(hooks: responses.RequestsMock) -> None:
    hooks.post("https://hooks.example/T0KEN")

    assert alerts.send([HOOK], Alert("Ø", 77, ["google refuses the credentials."]), DIRECT) is None

    told = json.loads(hooks.calls[0].request.body or b"")
    host = socket.gethostname()
    assert told["title"] == f"conversions Ø on {host}: exit 77, a credential is missing, expired or lacks rights"
    assert told["type"] == "failure"
    assert told["message"] == "google refuses the credentials."


def test_many_sentences_are_cut(hooks: responses.RequestsMock) -> None:
    hooks.post("https://hooks.example/T0KEN")

    alerts.send([HOOK], Alert("main", 1, [f"sentence {i}" for i in range(30)]), DIRECT)

    lines = json.loads(hooks.calls[0].request.body or b"")["message"].splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 10 more"


def test_an_alert_that_fails_is_a_sentence_without_its_address(hooks: responses.RequestsMock) -> None:
    hooks.post("https://hooks.example/T0KEN", status=500)

    said = alerts.send([HOOK, "nonsense"], Alert("main", 1, ["a"]), DIRECT)

    assert said is not None
    assert "T0KEN" not in said


def test_an_alert_takes_the_route_of_the_settings_and_not_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    authority = Authority(tmp_path)
    with serving(Proxy(authority, {"hooks.example": lambda _: (200, b"")}, "night:secret")) as proxy:
        route = Route(proxy=proxy.url, login="night:secret", authorities=authority.file.read_bytes())
        assert alerts.send([HOOK], Alert("main", 77, ["google refuses the credentials."]), route) is None
    assert [seen.path for seen in proxy.seen] == ["/T0KEN"]


@pytest.mark.parametrize(("code", "severity"), [(1, "warning"), (66, "failure"), (74, "failure"), (75, "info")])
def test_the_severity_is_that_of_the_exit_code(hooks: responses.RequestsMock, code: int, severity: str) -> None:
    hooks.post("https://hooks.example/T0KEN")

    alerts.send([HOOK], Alert("main", code, ["a"]), DIRECT)

    assert json.loads(hooks.calls[0].request.body or b"")["type"] == severity


def test_every_exit_code_has_its_words() -> None:
    assert set(alerts.SUBJECTS) == set(Exit) - {Exit.OK}
