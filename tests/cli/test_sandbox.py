"""``conversions sandbox`` runs until it is interrupted."""

import signal
import subprocess
import sys

import requests

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
