"""Files on a server with SFTP: who the server must be, how this program logs in, and what each failure is called."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from conversions.errors import Exit, SettingsError, SourceError, SourceUnavailable
from conversions.intake.sources.base import Source
from conversions.intake.sources.mapping import ROWS_PER_CHUNK
from tests.intake.sources.file_servers import PASSWORD, USER, USER_IN_ADDRESS, SftpServer
from tests.intake.sources.files.test_source import day
from tests.intake.sources.shop import ROW, WINDOW, csv_text, files, orders, parquet_file, read, written


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    (tmp_path / "root" / "orders").mkdir(parents=True)
    server = SftpServer(tmp_path / "root")
    server.start()
    yield server
    server.stop()


def exported(server: SftpServer, name: str, content: str) -> Path:
    return written(server.folder / "orders" / name, content)


def source(server: SftpServer, path: str = "orders/*.csv", **settings: Any) -> Source:
    known_hosts = server.known_hosts(server.folder / "known_hosts")
    login = {"password": PASSWORD, "known_hosts": str(known_hosts)}
    return files(f"sftp://{USER_IN_ADDRESS}@127.0.0.1:{server.port}/{path}", **{**login, **settings})


def refusal(failing: Source) -> SourceError | SettingsError:
    with pytest.raises((SourceError, SettingsError)) as refused:
        failing.check()
    assert PASSWORD not in str(refused.value)
    assert USER not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value  # type: ignore[return-value]


def test_the_files_of_a_pattern_are_read_like_those_of_this_machine(server: SftpServer) -> None:
    for name in ("b.csv", ".hidden.csv", "c [1].csv", "ø.csv", "other.txt"):
        exported(server, name, day(name))
    (server.folder / "orders" / "d.csv").symlink_to("b.csv")
    (server.folder / "orders" / "e.csv").symlink_to("nothing")
    (server.folder / "orders" / "f.csv").mkdir()

    found = source(server)

    assert [order.number for order in orders(read(found))] == ["b.csv", "c [1].csv", "ø.csv"]
    assert found.copies == {"d.csv": "b.csv"}  # type: ignore[attr-defined]
    assert [order.number for order in orders(read(source(server, "orders/c [1].csv")))] == ["c [1].csv"]
    assert found.description == f"csv files sftp://127.0.0.1:{server.port}/orders/*.csv"


def test_parquet_is_read_by_ranges(server: SftpServer) -> None:
    rows = [ROW | {"Order": str(number), "Note": os.urandom(600).hex()} for number in range(3_000)]
    parquet_file(server.folder / "orders" / "a.parquet", rows)

    found = orders(read(source(server, "orders/*.parquet", kind="parquet")))

    assert [order.number for order in found] == [row["Order"] for row in rows]


def test_a_file_that_changed_too_recently_is_left(server: SftpServer) -> None:
    exported(server, "a.csv", day("1"))
    young = source(server, settle_seconds=365 * 86_400 * 10)

    assert (read(young), young.skipped_files()[0].startswith("a.csv (changed ")) == ([], True)


def test_a_file_that_changes_while_it_is_read_stops_the_run(server: SftpServer) -> None:
    exported(server, "a.csv", csv_text([ROW] * (6 * ROWS_PER_CHUNK)))
    for later in ("x" * 100, csv_text([ROW] * (7 * ROWS_PER_CHUNK))):
        chunks = source(server).chunks(WINDOW)
        next(chunks)
        exported(server, "a.csv", later)

        with pytest.raises(SourceUnavailable, match=r"a\.csv changed while it was read") as refused:
            list(chunks)
        assert refused.value.exit_code is Exit.TRY_AGAIN
        exported(server, "a.csv", csv_text([ROW] * (6 * ROWS_PER_CHUNK)))


def test_a_lost_connection_is_opened_again_where_it_broke_off(server: SftpServer) -> None:
    numbers = [str(number) for number in range(8 * ROWS_PER_CHUNK)]
    exported(server, "a.csv", csv_text([ROW | {"Order": number} for number in numbers]))
    chunks = source(server).chunks(WINDOW)
    found = [order.number for order in orders(next(chunks))]

    for chunk in chunks:
        server.drop_connections()
        found += [order.number for order in orders(chunk)]

    assert found == numbers


def test_a_server_that_is_gone_in_the_middle_leaves_no_half_night(server: SftpServer) -> None:
    exported(server, "a.csv", csv_text([ROW] * (8 * ROWS_PER_CHUNK)))
    chunks = source(server).chunks(WINDOW)
    next(chunks)
    server.refuse_connections()

    with pytest.raises(
        SourceUnavailable, match=r"^This machine cannot reach the server \(127.0.0.1 refuses"
    ) as refused:
        list(chunks)
    assert refused.value.exit_code is Exit.TRY_AGAIN


def test_a_server_that_is_not_known_is_not_asked(server: SftpServer, tmp_path: Path) -> None:
    exported(server, "a.csv", day("1"))
    unknown = refusal(source(server, known_hosts=str(tmp_path / "none")))
    assert f"`ssh-keyscan -p {server.port} 127.0.0.1 >> {tmp_path / 'none'}`" in str(unknown)

    other = SftpServer(server.folder, port=server.port).known_hosts(tmp_path / "other")
    changed = refusal(source(server, known_hosts=str(other)))
    assert "shows another key than the one in" in str(changed)
    assert f"`ssh-keygen -R '[127.0.0.1]:{server.port}' -f {other}`" in str(changed)
    assert (unknown.exit_code, changed.exit_code) == (Exit.NO_INPUT, Exit.NO_INPUT)


def test_a_private_key_logs_in(server: SftpServer, tmp_path: Path) -> None:
    exported(server, "a.csv", day("1"))
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id", passphrase="never-shown-passphrase")
    server.public_key = key.convert_to_public()
    by_key: dict[str, Any] = {"password": None, "key_file": str(tmp_path / "id")}

    assert len(read(source(server, **by_key, key_passphrase="never-shown-passphrase"))) == 1
    for wrong in ({}, {"key_passphrase": "wrong"}):
        refused = refusal(source(server, **by_key, **wrong))
        assert "CONVERSIONS_SOURCE__KEY_PASSPHRASE" in str(refused)
        assert refused.exit_code is Exit.CONFIG
    missing = refusal(source(server, **{**by_key, "key_file": str(tmp_path / "gone")}))
    assert "gone cannot be read (No such file or directory)" in str(missing)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"password": "wrong"},
            "does not accept the login. Check the user in source.path, and CONVERSIONS_SOURCE__PASS",
        ),
        ({"password": None}, "Put its password into .env as CONVERSIONS_SOURCE__PASSWORD, or set source.key_file"),
    ],
)
def test_a_login_that_is_refused_says_what_to_correct(
    server: SftpServer, settings: dict[str, Any], sentence: str
) -> None:
    refused = refusal(source(server, **settings))

    assert sentence in str(refused)
    assert refused.exit_code is Exit.NO_INPUT


def test_a_folder_that_this_user_may_not_see_is_said(server: SftpServer) -> None:
    server.denied = True

    refused = refusal(source(server))

    assert "does not let this user read a file or folder of source.path" in str(refused)
    assert refused.exit_code is Exit.NO_INPUT


@pytest.mark.parametrize("path", ["orders/none.csv", "none/*.csv", "orders/*.csv"])
def test_no_file_is_one_sentence(server: SftpServer, path: str) -> None:
    assert "No file matches sftp://127.0.0.1:" in str(refusal(source(server, path)))


def test_the_drivers_own_log_lines_have_no_password(server: SftpServer, caplog: pytest.LogCaptureFixture) -> None:
    """They are dropped by the program; this is the second line of defence."""
    exported(server, "a.csv", day("1"))
    with caplog.at_level(logging.DEBUG):
        read(source(server))

    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("path", ["orders", "orders/"])
def test_of_a_folder_the_files_with_the_endings_of_the_kind_are_read(server: SftpServer, path: str) -> None:
    for name in ("a.csv", "b.txt", ".hidden.csv", "c.json"):
        exported(server, name, day(name))

    assert [order.number for order in orders(read(source(server, path)))] == ["a.csv", "b.txt"]
