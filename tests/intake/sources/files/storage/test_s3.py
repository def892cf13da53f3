"""Files in an object store: which are read, and what each failure is called."""

import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from conversions.errors import Exit, SettingsError, SourceError, SourceUnavailable
from conversions.intake.sources import open_source
from conversions.intake.sources.base import Source
from conversions.intake.sources.mapping import ROWS_PER_CHUNK
from conversions.settings import FileSource
from conversions.transport.route import Route
from tests.intake.sources.file_servers import AWS, BUCKET, s3_server
from tests.intake.sources.files.test_source import day
from tests.intake.sources.shop import (
    KEY,
    MAPPED,
    NOW,
    ROW,
    WINDOW,
    ZONE,
    columns,
    csv_text,
    files,
    in_bucket,
    orders,
    parquet_file,
    read,
)
from tests.transport.proxy import Authority, Proxy, serving


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def folder() -> str:
    os.environ.update(AWS, AWS_ENDPOINT_URL=s3_server().url)
    return uuid4().hex


def source(path: str, **settings: Any) -> Source:
    return files(f"s3://{BUCKET}/{path}", **{"settle_seconds": 0, **settings})


def test_the_files_of_a_pattern_are_read_in_the_order_of_their_names(folder: str) -> None:
    for name in ("b.csv", "2026/a.csv", ".hidden.csv", "c [1].csv", "other.txt"):
        s3_server().put(f"{folder}/{name}", day(name))
    s3_server().put(f"{folder}/", b"")

    assert [order.number for order in orders(read(source(f"{folder}/**/*.csv")))] == [
        "2026/a.csv",
        "b.csv",
        "c [1].csv",
    ]
    assert [order.number for order in orders(read(source(f"{folder}/c [1].csv")))] == ["c [1].csv"]


def test_a_young_object_is_left_for_the_next_run_by_the_stores_own_clock(folder: str) -> None:
    """This machine's clock says that the object is years old, or of the future."""
    s3_server().put(f"{folder}/a.csv", day("1"))

    for clock in (NOW, datetime(2001, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)):
        young = source(f"{folder}/*.csv", settle_seconds=60, clock=lambda clock=clock: clock)
        assert read(young) == []
        assert young.skipped_files()[0].startswith("a.csv (changed ")


def test_one_folder_or_object_of_a_name_is_no_reason_to_guess(folder: str) -> None:
    s3_server().put(f"{folder}/a.csv/b.csv", day("1"))

    with pytest.raises(SourceError, match="No file matches"):
        source(f"{folder}/a.csv").check()


def test_parquet_is_read_by_ranges(folder: str, tmp_path: Path) -> None:
    rows = [ROW | {"Order": str(number), "Note": os.urandom(600).hex()} for number in range(3_000)]
    path = parquet_file(tmp_path / "a.parquet", rows)
    s3_server().put(f"{folder}/a.parquet", path.read_bytes())
    parquet = source(f"{folder}/*.parquet", kind="parquet")

    assert [order.number for order in orders(read(parquet))] == [row["Order"] for row in rows]


def test_an_object_that_changes_while_it_is_read_stops_the_run(folder: str) -> None:
    for later in (day("1"), csv_text([ROW | {"Order": "another"}] * (5 * ROWS_PER_CHUNK))):
        s3_server().put(f"{folder}/a.csv", csv_text([ROW] * (6 * ROWS_PER_CHUNK)))
        chunks = source(f"{folder}/*.csv").chunks(WINDOW)
        next(chunks)
        s3_server().put(f"{folder}/a.csv", later)

        with pytest.raises(SourceUnavailable, match="changed while it was read") as refused:
            list(chunks)
        assert refused.value.exit_code is Exit.TRY_AGAIN


def refusal(failing: Source) -> SourceError | SettingsError:
    with pytest.raises((SourceError, SettingsError)) as refused:
        failing.check()
    text = str(refused.value)
    assert not any(secret in text for secret in AWS.values())
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value  # type: ignore[return-value]


def test_no_object_and_no_bucket_are_told_apart(folder: str) -> None:
    none = refusal(source(f"{folder}/*.csv"))
    assert str(none).startswith(f"No file matches s3://{BUCKET}/{folder}/*.csv; correct source.path")

    no_bucket = refusal(files("s3://no-such-bucket/*.csv"))
    assert "The bucket no-such-bucket at 127.0.0.1 does not exist (NoSuchBucket). Correct source.path" in str(no_bucket)
    assert (none.exit_code, no_bucket.exit_code) == (Exit.NO_INPUT, Exit.NO_INPUT)


def test_without_a_key_the_variables_are_named(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in AWS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")

    assert "Put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into .env" in str(refusal(source(f"{folder}/*.csv")))


class Refusing(BaseHTTPRequestHandler):
    """Answers every request with the same status and code, or with nothing."""

    status, code, asked = 403, "AccessDenied", 0

    def do_GET(self) -> None:
        type(self).asked += 1
        if not self.status:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = f"<Error><Code>{self.code}</Code><Message>{AWS['AWS_ACCESS_KEY_ID']}</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[type[Refusing]]:
    handler = type("Handler", (Refusing,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    os.environ.update(AWS, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "sentence", "exit_code"),
    [
        (403, "AccessDenied", "refuses this key (AccessDenied). Allow it s3:ListBucket", Exit.NO_INPUT),
        (403, "InvalidAccessKeyId", "does not know the key in AWS_ACCESS_KEY_ID", Exit.NO_INPUT),
        (403, "SignatureDoesNotMatch", "does not accept AWS_SECRET_ACCESS_KEY", Exit.NO_INPUT),
        (400, "ExpiredToken", "Get a new AWS_SESSION_TOKEN", Exit.NO_INPUT),
        (503, "SlowDown", "cannot be read at the moment (SlowDown)", Exit.TRY_AGAIN),
        (500, "InternalError", "cannot be read at the moment (InternalError)", Exit.TRY_AGAIN),
        (0, "", "The bucket shop-exports closed the connection.", Exit.TRY_AGAIN),
    ],
)
def test_each_refusal_is_a_sentence_that_says_what_to_do(
    refusing: type[Refusing], status: int, code: str, sentence: str, exit_code: Exit
) -> None:
    refusing.status, refusing.code = status, code

    refused = refusal(source("*.csv"))

    assert sentence in str(refused)
    assert refused.exit_code is exit_code
    assert (refusing.asked >= 6) is (exit_code is Exit.TRY_AGAIN)


def test_a_store_that_is_not_there_is_tried_again_by_a_later_run(folder: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"

    refused = refusal(source("*.csv"))

    assert f"This machine cannot reach the bucket (127.0.0.1 refuses a connection to port {port})" in str(refused)
    assert refused.exit_code is Exit.TRY_AGAIN


def test_an_address_without_encryption_is_refused(folder: str) -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://store.example"

    refused = refusal(source("*.csv"))

    assert "AWS_ENDPOINT_URL begins with http://" in str(refused)
    assert refused.exit_code is Exit.CONFIG


def test_nothing_of_the_environment_is_a_proxy(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert len(orders(read(in_bucket(day("1"))))) == 1


def through(proxy: Proxy, login: str | None = "shop:never:shown", authorities: bytes = b"") -> Source:
    os.environ.update(AWS)
    os.environ.pop("AWS_ENDPOINT_URL", None)
    route = Route(proxy=proxy.url, login=login, authorities=authorities)
    settings = FileSource.model_validate(
        {"kind": "csv", "path": f"s3://{BUCKET}/*.csv", "columns": columns(MAPPED), "completed": ["completed"]}
    )
    return open_source(settings, zone=ZONE, resolve=Path, clock=lambda: NOW, key=KEY, route=route)


def test_the_settings_proxy_and_its_authority_are_used(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    denied = "<Error><Code>AccessDenied</Code></Error>"
    far = dict.fromkeys(
        (f"{BUCKET}.s3.amazonaws.com", f"{BUCKET}.s3.us-east-1.amazonaws.com"), lambda _: (403, denied.encode())
    )
    with serving(Proxy(authority, far, login="shop:never:shown")) as proxy:
        assert "CONVERSIONS_PROXY_PASSWORD" in str(refusal(through(proxy, login=None)))
        assert "set `ca_file` to its certificate authority" in str(refusal(through(proxy)))
        assert "(AccessDenied)" in str(refusal(through(proxy, authorities=authority.file.read_bytes())))
        proxy.far = {}
        refused = refusal(through(proxy))
        assert f"the proxy refuses a connection to {BUCKET}.s3.amazonaws.com at port 443" in str(refused)
    gone = refusal(through(proxy))
    assert "the proxy 127.0.0.1 cannot be reached at port" in str(gone)
    assert gone.exit_code is Exit.TRY_AGAIN
    assert "never" not in str(gone) + str(refused)


@pytest.mark.parametrize("end", ["", "/"])
def test_of_a_folder_the_files_with_the_endings_of_the_kind_are_read(folder: str, end: str) -> None:
    for name in ("a.csv", "b.txt", ".hidden.csv", "c.json", "below/d.csv"):
        s3_server().put(f"{folder}/{name}", day(name))

    assert [order.number for order in orders(read(source(f"{folder}{end}")))] == ["a.csv", "b.txt"]
