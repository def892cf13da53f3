"""Orders from an object store and from a server with SFTP: whole nights through the command line."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.said import NO_INPUT, TRY_AGAIN, stopped
from tests.e2e.shop import Shop
from tests.e2e.texts import export
from tests.intake.sources.file_servers import AWS, BUCKET, PASSWORD, USER_IN_ADDRESS, S3Server, SftpServer

Put = Callable[[str, str], None]
"""Puts an export with that name where the shop keeps its exports."""


@pytest.fixture
def s3(real_shop: Shop) -> Iterator[Put]:
    server = S3Server()
    real_shop.environment |= AWS | {"AWS_ENDPOINT_URL": server.url}
    real_shop.configure(source={"path": f"s3://{BUCKET}/orders/*.csv", "settle_seconds": 0})
    yield lambda name, content: server.put(f"orders/{name}", content)
    server.stop()


@pytest.fixture
def sftp_server(tmp_path: Path) -> Iterator[SftpServer]:
    (tmp_path / "root" / "orders").mkdir(parents=True)
    server = SftpServer(tmp_path / "root")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sftp(real_shop: Shop, sftp_server: SftpServer) -> Put:
    sftp_server.known_hosts(real_shop.home / "known_hosts")
    real_shop.environment["CONVERSIONS_SOURCE__PASSWORD"] = PASSWORD
    address = f"sftp://{USER_IN_ADDRESS}@127.0.0.1:{sftp_server.port}/orders/*.csv"
    real_shop.configure(source={"path": address, "known_hosts": "known_hosts"})

    def put(name: str, content: str) -> None:
        path = sftp_server.folder / "orders" / name
        path.write_text(content, encoding="utf-8")
        os.utime(path, (real_shop.now.timestamp() - 7200,) * 2)

    return put


@pytest.fixture
def silent(real_shop: Shop) -> Iterator[None]:
    """No key, no password, no login; and no line that a driver wrote."""
    yield
    kept = str(real_shop.store_bytes())
    for said in real_shop.said:
        for secret in (*AWS.values(), PASSWORD, USER_IN_ADDRESS, "shop@"):
            assert secret not in said.out + said.err + kept or secret == AWS["AWS_REGION"]


@pytest.mark.parametrize("place", ["s3", "sftp"])
@pytest.mark.usefixtures("silent")
def test_each_order_is_sent_once_and_a_copy_changes_nothing(
    place: str, real_shop: Shop, request: pytest.FixtureRequest
) -> None:
    put: Put = request.getfixturevalue(place)
    orders = [real_shop.order(str(number)) for number in range(1, 41)]
    put("a.csv", export(orders[0], orders).decode())

    doctor = real_shop.process("doctor", "--json")
    assert f"csv files {place}://" in doctor.out
    assert "/orders/*.csv can be read and has every mapped column." in doctor.out
    first = real_shop.process("run", "--json")
    assert (first.code, first.err, first.counts("meta")) == (0, "", {"sent": 40})

    record = real_shop.process("privacy", "record", "--json")
    assert f'"orders_from":"{place}://' in record.out.replace(" ", "")
    put("a (1).csv", export(orders[0], orders).decode())
    put("b.csv", export(orders[0], [real_shop.order("41")]).decode())
    second = real_shop.process("run", "--json")
    assert (second.code, second.counts("meta")) == (0, {"already_sent": 40, "sent": 1})
    assert second.json["source"]["rows"] == 41


@pytest.mark.usefixtures("silent")
def test_a_run_that_is_killed_while_it_reads_sends_everything_the_next_time(
    real_shop: Shop, sftp: Put, sftp_server: SftpServer
) -> None:
    orders = [real_shop.order(str(number)) for number in range(1, 41)]
    sftp("a.csv", export(orders[0], orders).decode())
    sftp_server.hold_reads()
    running = real_shop.start("run", "--json")
    assert sftp_server.was_read.wait(60)
    running.kill()
    running.communicate()
    assert real_shop.requests() == 0
    sftp_server.release_reads()

    assert real_shop.process("run", "--json").counts("meta") == {"sent": 40}


@pytest.mark.usefixtures("silent")
def test_a_server_that_is_gone_stops_the_night_and_says_so(
    real_shop: Shop, sftp: Put, sftp_server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    stopped(real_shop.run(), NO_INPUT, "No file matches sftp://127.0.0.1:")
    real_shop.environment["CONVERSIONS_SOURCE__PASSWORD"] = "another"
    stopped(real_shop.run(), NO_INPUT, "CONVERSIONS_SOURCE__PASSWORD")
    sftp_server.refuse_connections()
    stopped(real_shop.run(), TRY_AGAIN, "This machine cannot reach the server (127.0.0.1 refuses a connection to port")
    real_shop.assert_untouched()
