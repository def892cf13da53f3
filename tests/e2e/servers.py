"""Real database servers, each on a socket in a directory of its own, thrown away after use."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CI = "CI" in os.environ
NOBODY: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
"""Neither server runs as root."""
UTF8 = ("--encoding=UTF8", "--locale=C")
DEBIAN = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
PLACES = os.pathsep.join([*DEBIAN, "/usr/sbin", os.environ.get("PATH", "")])
FAST = ("--innodb-flush-log-at-trx-commit=0",)
QUIET: dict[str, Any] = dict.fromkeys(("stdin", "stdout"), subprocess.DEVNULL)


@contextmanager
def mariadb() -> Iterator[str]:
    """The address of a MariaDB with an empty database; its own clock is two hours before UTC."""
    install, serve, admin = (_program(name) for name in ("mariadb-install-db", "mariadbd", "mariadb-admin"))
    with _folder() as home:
        data, socket = f"--datadir={home}/data", f"--socket={home}/s"
        _done(install, "--no-defaults", data, "--auth-root-authentication-method=normal")
        options = (f"--tmpdir={home}", "--skip-networking", "--default-time-zone=-02:00", *FAST)
        with _running(serve, "--no-defaults", data, socket, *options, f"--pid-file={home}/pid"):
            _done(admin, "--no-defaults", socket, "--user=root", "--wait=30", "ping")
            _done(admin, "--no-defaults", socket, "--user=root", "create", "shop")
            yield f"mysql+pymysql://root@/shop?unix_socket={home}/s"


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL with an empty database; its own clock is Tokyo's."""
    initialise, control = _program("initdb"), _program("pg_ctl")
    with _folder() as home:
        _done(initialise, "--pgdata", f"{home}/data", "--auth=trust", "--username=shop", "--no-sync", *UTF8)
        options = f"-F -k {home} -c listen_addresses= -c timezone=Asia/Tokyo"
        _done(control, "start", "--wait", "--pgdata", f"{home}/data", "--log", f"{home}/log", "--options", options)
        try:
            yield f"postgresql+psycopg://shop@/postgres?host={home}"
        finally:
            _done(control, "stop", "--mode=immediate", "--pgdata", f"{home}/data")


def _program(name: str) -> str:
    """Where it is; without it the tests that need it are skipped, and fail where nothing may be left out."""
    if found := shutil.which(name, path=PLACES):
        return found
    reason = f"{name} is missing (Debian packages mariadb-server and postgresql)"
    if CI:
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _folder() -> Iterator[Path]:
    """Short, as a socket's name has to be, and the server's own."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as home:
        if NOBODY:
            shutil.chown(home, NOBODY["user"])
        Path(home).chmod(0o755)
        yield Path(home)


def _done(*command: str) -> None:
    subprocess.run(command, check=True, timeout=60, **QUIET, **NOBODY)


@contextmanager
def _running(*command: str) -> Iterator[None]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **QUIET, **NOBODY) as server:
        try:
            yield
        finally:
            server.kill()
