"""The command line as a person uses it: arguments and standard input in; exit code, stdout and stderr out."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from conversions.cli import main


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return self.out + self.err


Cli = Callable[..., Said]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    def run(*arguments: object, stdin: str | bytes = b"", terminal: bool = False) -> Said:
        typed = stdin if isinstance(stdin, bytes) else stdin.encode()
        kind = Terminal if terminal else io.TextIOWrapper
        monkeypatch.setattr("sys.stdin", kind(io.BytesIO(typed), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def settings(tmp_path: Path, cli: Cli) -> Path:
    """A shop as ``init`` leaves it."""
    accounts = ("--google-account", "1234567890", "--google-action", "987654321", "--meta-dataset", "555000111222")
    choices = ("--action-source", "physical_store", "--legal-basis", "legitimate_interest")
    said = cli("init", tmp_path / "shop", *accounts, *choices)
    assert said.code == 0, said.err
    return tmp_path / "shop" / "conversions.toml"
