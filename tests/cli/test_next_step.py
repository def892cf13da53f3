"""The command to type next: what the sentence names, or else the usual one after the exit code."""

import pytest

from conversions import catalogue
from conversions.cli.next_step import next_command

NO_NETWORK = f"This machine cannot reach Google. Set `proxy`, then {catalogue.APPROVE}. The next run tries again."
ANOTHER_USER = "Run: `runuser -u shop -- /opt/bin/conversions run --config /srv/conversions.toml`"


@pytest.mark.parametrize(
    ("sentence", "code", "command"),
    [
        (NO_NETWORK, 75, "conversions run"),
        ("Wait for it with `conversions run --wait 30m`.", 75, "conversions run --wait 30m"),
        (f"Approve it with {catalogue.APPROVE}.", 78, "conversions policy approve --by NAME --reason TEXT"),
        (ANOTHER_USER, 78, "runuser -u shop -- /opt/bin/conversions run --config /srv/conversions.toml"),
        ("No file matches.", 66, "conversions doctor"),
        ("Every order is accounted for.", 0, None),
    ],
)
def test_the_next_command_goes_on_from_what_happened(sentence: str, code: int, command: str | None) -> None:
    assert next_command(sentence, code) == command
