"""HTTP: what arrives is kept byte for byte, and the sandbox comes and goes without a trace."""

import concurrent.futures
import http.client
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson
import pytest
import requests

from conversions.errors import Usage
from conversions.sandbox import Sandbox
from conversions.sandbox.listener import MAX_BODY_BYTES
from tests.sandbox.conftest import GOOGLE, META, Client, Clock, eventually, ingest, purchase, transaction

Running = Callable[..., Client]


def bodies(client: Client) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = client.get("/_sandbox/received?bodies=1").json()["bodies"]
    return entries


def slam(sandbox: Sandbox, text: str) -> None:
    """Send *text* and reset the connection."""
    url = urlsplit(sandbox.url)
    with socket.create_connection((url.hostname, url.port)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sendall(text.encode())


def test_every_body_is_kept_in_order_with_the_status_of_its_answer(running: Running) -> None:
    client = running("lost:metax1")
    good = b' {"data":[' + orjson.dumps(purchase()) + b'],  "upload_tag": "\xc3\xa6"}\n'
    with pytest.raises(requests.ConnectionError):
        client.post(META, good)
    client.post(META, good)
    client.post(GOOGLE, b"\xff\x00 not JSON")
    kept = bodies(client)
    assert [(entry["destination"], entry["path"], entry["status"]) for entry in kept] == [
        ("meta", META, None),
        ("meta", META, 200),
        ("google", GOOGLE, 400),
    ]
    sent = [good, good, b"\xff\x00 not JSON"]
    assert [str(entry["body"]).encode(errors="surrogateescape") for entry in kept] == sent
    assert all(entry["complete"] for entry in kept)


def test_bodies_are_shown_only_on_request(client: Client) -> None:
    client.google(transaction())
    assert "bodies" not in client.get("/_sandbox/received").json()
    assert client.sandbox.received(bodies=True) == client.get("/_sandbox/received?bodies=1").json()


def test_a_client_that_goes_away_while_sending_is_on_record_and_nothing_is_taken(client: Client) -> None:
    url = urlsplit(client.sandbox.url)
    with socket.create_connection((url.hostname, url.port)) as line:
        line.sendall(f"POST {GOOGLE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf a body".encode())
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    report = client.received("google")
    assert (report["interrupted"], report["requests"], report["events"]) == (1, 0, 0)
    [entry] = bodies(client)
    assert (entry["body"], entry["complete"], entry["status"]) == ("half a body", False, None)


def test_a_reset_connection_is_on_record_too(client: Client) -> None:
    slam(client.sandbox, f"POST {META} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf a body")
    eventually(lambda: client.received("meta")["interrupted"])
    [entry] = bodies(client)
    assert (entry["body"], entry["complete"]) == ("half a body", False)


def test_reset_begins_anew_with_the_faults_at_work(running: Running) -> None:
    client = running("503:meta")
    answer = client.google(transaction())
    client.meta(purchase())
    assert client.post("/_sandbox/reset", b"").status_code == 200
    assert bodies(client) == []
    assert client.received("google")["requests"] == client.received("meta")["requests"] == 0
    status = client.get(f"/v1/requestStatus:retrieve?requestId={answer.json()['requestId']}")
    assert status.status_code == 400
    assert client.meta(purchase()).status_code == 503


def test_a_connection_is_kept_alive_and_a_lost_one_is_not(running: Running) -> None:
    client = running()
    url = urlsplit(client.sandbox.url)
    line = http.client.HTTPConnection(str(url.hostname), url.port)
    try:
        sockets = set()
        for _ in range(3):
            line.request("POST", GOOGLE, orjson.dumps(ingest(transaction())), {"Content-Type": "application/json"})
            assert line.getresponse().read()
            sockets.add(line.sock.getsockname())
        assert len(sockets) == 1
    finally:
        line.close()


def test_a_body_without_its_length_or_beyond_all_measure_is_refused_unread(client: Client) -> None:
    chunks = iter([b"{}"])
    assert client.session.post(client.sandbox.url + GOOGLE, data=chunks).status_code == 411
    url = urlsplit(client.sandbox.url)
    with socket.create_connection((url.hostname, url.port)) as line:
        line.sendall(
            f"POST {GOOGLE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode()
        )
        assert b" 413 " in line.recv(100)
    assert bodies(client) == []


def test_what_is_not_a_page_is_not_found(client: Client) -> None:
    assert client.get("/").status_code == client.get(META).status_code == 404


def test_many_clients_at_once_are_all_counted(running: Running, clock: Clock) -> None:
    client = running("lost@0.2", "503@0.2", seed=3)

    def send(i: int) -> bytes:
        path, body = (GOOGLE, ingest(transaction(f"o-{i}"))) if i % 2 else (META, {"data": [purchase(f"o-{i}")]})
        data = orjson.dumps(body)
        with requests.Session() as session:
            session.trust_env = False
            try:
                session.post(client.sandbox.url + path, data=data, headers={"Content-Type": "application/json"})
            except requests.ConnectionError:
                return data
        return data

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = Counter(data.decode() for data in pool.map(send, range(100)))
    assert Counter(str(entry["body"]) for entry in bodies(client)) == sent
    google, meta = client.received("google"), client.received("meta")
    assert google["requests"] == meta["requests"] == 50
    for report in (google, meta):
        assert report["distinct"] == report["accepted_requests"] == 50 - report["faults"]["503"]


def test_it_listens_on_this_machine_only(client: Client) -> None:
    assert client.sandbox.url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_said_in_one_sentence(client: Client) -> None:
    port = urlsplit(client.sandbox.url).port
    with pytest.raises(Usage, match=f"^Port {port} cannot be used .*--port"):
        Sandbox(port or 0)


def test_it_ends_although_clients_stay_connected_and_answers_are_late() -> None:
    before = threading.active_count()
    with requests.Session() as session:
        session.trust_env = False
        with Sandbox(faults=["slow:google=600"]) as sandbox:
            session.get(sandbox.url + "/_sandbox/received")
            with pytest.raises(requests.ReadTimeout):
                session.post(sandbox.url + GOOGLE, data=b"{}", timeout=0.05)
            assert threading.active_count() > before
        with pytest.raises(requests.ConnectionError):
            session.get(sandbox.url)
    assert threading.active_count() == before


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(faults=["slow=600"]) as sandbox, requests.Session() as session:
        session.trust_env = False
        session.get(sandbox.url + "/nowhere?access_token=SECRET")
        slam(sandbox, f"POST {GOOGLE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}")
        eventually(lambda: sandbox.received()["google"]["requests"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["/_sandbox/received", "/_sandbox/reset", "/_sandbox/faults", GOOGLE, META])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Host": ""},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
    ids=str,
)
def test_a_web_page_is_refused_under_whatever_name(client: Client, path: str, headers: dict[str, str]) -> None:
    client.google(transaction())
    assert client.post(path, [], **headers).status_code == 403
    assert client.get(path, **headers).status_code == 403
    assert client.received("google")["events"] == 1


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_a_program_on_this_machine_is_answered_under_each_of_its_names(client: Client, name: str) -> None:
    port = client.sandbox.url.rpartition(":")[2]
    assert client.get("/_sandbox/received", Host=f"{name}:{port}", Origin=f"http://{name}:{port}").status_code == 200
