"""``conversions sandbox`` runs until it is interrupted."""

import re
import signal
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, get_args
from zoneinfo import ZoneInfo

import pytest
import requests
from pydantic import TypeAdapter

from conversions.errors import Usage
from conversions.intake.sources import open_source
from conversions.model.conversion import Window
from conversions.sandbox import Options, Sandbox, ShopOptions
from conversions.sandbox.shops import ShopKind
from conversions.settings import AnySourceSettings

COMMAND = (
    "import typer, conversions.cli.sandbox as c; a = typer.Typer(); a.command()(c.sandbox); a(standalone_mode=False)"
)


def test_it_says_where_it_answers_and_ends_quietly_on_interrupt() -> None:
    arguments = ["--port", "0", "--fault", "503:meta", "--poison", "SKU-7", "--seed", "1"]
    with subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().split()[-1]
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"{url}/_sandbox/received").json()["mode"] == "checking"
            assert session.post(f"{url}/v26.0/1/events", data=b"{}").status_code == 503
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait() == 0
        assert process.stderr.read() == ""
    assert f'endpoint = "{url}"' in said
    assert f"CONVERSIONS_META__ENDPOINT={url}" in said


def test_a_fault_that_is_none_is_explained() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "--port", "0", "--fault", "504"], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "fault '504' is not KIND" in done.stderr


@pytest.mark.parametrize(("shop", "fault"), [("woocommerce", "cap=7"), ("shopify", "moving=0")])
def test_a_shop_prints_settings_that_read_it(shop: str, fault: str) -> None:
    arguments = ["--port", "0", "--shop", shop, "--shop-orders", "30", "--shop-fault", fault]
    with subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout
        said = _until(process.stdout, "Received")
        table = said.partition("[source]\n")[2].partition("and in .env ")[0]
        secrets = dict(re.findall(r"CONVERSIONS_SOURCE__(\w+)=([\w-]+)", said))
        settings = {**tomllib.loads(table), **{name.lower(): text for name, text in secrets.items()}}
        source = open_source(
            TypeAdapter[AnySourceSettings](AnySourceSettings).validate_python(settings),
            zone=ZoneInfo("Europe/Copenhagen"),
            resolve=Path,
            clock=lambda: datetime.now(UTC),
            key=b"k" * 32,
        )
        today = datetime.now(UTC).date()
        assert sum(len(rows) for rows in source.chunks(Window(today - timedelta(days=9), today))) == 30
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0


def _until(lines: IO[str], word: str) -> str:
    said = ""
    for line in lines:
        said += line
        if word in line:
            break
    return said


@pytest.mark.parametrize("kind", get_args(ShopKind))
@pytest.mark.parametrize("fault", ["nonsense", "cap=x", "html=3", "503@2x0y"])
def test_a_shop_fault_that_is_none_is_refused(fault: str, kind: ShopKind) -> None:
    with pytest.raises(Usage, match="shop fault"):
        Sandbox(options=Options(shop=ShopOptions(kind, 1, faults=(fault,))))
