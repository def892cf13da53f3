"""Each kind of place outside: it takes a checkpoint, takes it twice, and is unreachable, slow or full."""

import json
import os
import select
import shlex
import socketserver
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from conversions.distribution import command, places
from conversions.distribution.places import Place
from conversions.distribution.time_limit import within
from conversions.settings.outside_address import outside_address
from conversions.transport.route import DIRECT
from tests.distribution.mail_server import PASSWORD, MailServer
from tests.intake.sources.file_servers import AWS, BUCKET, s3_server

NAME, OTHER = "20261201T023000Z-000000000017.checkpoint", "20261202T023000Z-000000000031.checkpoint"
NOTE = "conversions/00112233445566778899aabbccddeeff\n17\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n\n\u2014 conversions/x y\n".encode()

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own


def place(address: str) -> Place:
    accepted = outside_address(address)
    assert isinstance(accepted, str | SecretStr)
    [opened] = places.open_places([accepted], DIRECT)
    return opened


# a folder


def test_a_folder_gets_the_bytes_under_a_name_of_their_own(tmp_path: Path) -> None:
    folder = place(f"file://{tmp_path}/")

    assert folder.deliver(NAME, NOTE) is None
    assert folder.deliver(OTHER, NOTE) is None
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {NAME: NOTE, OTHER: NOTE}


def test_the_same_again_is_fine_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    folder = place(f"file://{tmp_path}/")
    assert folder.deliver(NAME, NOTE) is None

    assert folder.deliver(NAME, NOTE) is None
    assert "was not overwritten" in str(folder.deliver(NAME, NOTE + b"x"))
    assert (tmp_path / NAME).read_bytes() == NOTE


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    assert place(f"file://{tmp_path}/usb/").deliver(NAME, NOTE) == "it cannot be written: No such file or directory"
    assert not list(tmp_path.iterdir())


def test_a_full_folder_keeps_no_half_of_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    assert place(f"file://{tmp_path}/").deliver(NAME, NOTE) == "it cannot be written: No space left on device"
    assert not list(tmp_path.iterdir())


def test_a_folder_with_a_space_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "usb disk").mkdir()

    assert place(f"file://{tmp_path}/usb%20disk").deliver(NAME, NOTE) is None
    assert (tmp_path / "usb disk" / NAME).exists()


# a command


def script(tmp_path: Path, text: str) -> str:
    program = tmp_path / "push"
    program.write_text(f"#!{sys.executable}\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"command:{shlex.quote(str(program))} --to auditor '$HOME; exit 3'"


def test_a_command_gets_the_checkpoint_on_its_input_and_no_secret_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVERSIONS_KEY", "5c" * 32)
    monkeypatch.setenv("AUDITOR_TOKEN", "of the command")
    told = tmp_path / "told"
    address = script(
        tmp_path,
        f"import os, sys, json; json.dump([sys.argv[1:], sys.stdin.read(), dict(os.environ)], open({str(told)!r}, 'w'))\n"
        "print('a token', file=sys.stderr)",
    )

    assert place(address).deliver(NAME, NOTE) is None
    arguments, text, environment = json.loads(told.read_text())
    assert arguments == ["--to", "auditor", "$HOME; exit 3"]
    assert text.encode() == NOTE
    assert environment["CHECKPOINT_NAME"] == NAME
    assert environment["AUDITOR_TOKEN"] == "of the command"
    assert not [name for name in environment if name.startswith("CONVERSIONS_")]


def test_what_a_command_prints_reaches_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = place(script(tmp_path, "import sys; print('s3cret'); print('s3cret', file=sys.stderr); sys.exit(3)"))

    assert said.deliver(NAME, NOTE) == "it ended with exit 3"
    assert capfd.readouterr() == ("", "")


def test_a_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert place(f"command:{tmp_path}/missing").deliver(NAME, NOTE) == (
        "it cannot be started: No such file or directory"
    )


def test_a_command_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SECONDS", 2.0)
    child = tmp_path / "child"
    address = script(
        tmp_path,
        "import subprocess, sys, time\n"
        f"open({str(child)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid))\n"
        "time.sleep(600)",
    )

    assert place(address).deliver(NAME, NOTE) == "it did not end within 2 seconds"
    with suppress(FileNotFoundError, ProcessLookupError):  # not started yet, or gone already
        assert select.select([os.pidfd_open(int(child.read_text()))], [], [], 60)[0], "the child lives on"


def test_a_command_that_does_not_read_its_input_may_still_confirm(tmp_path: Path) -> None:
    assert place(script(tmp_path, "")).deliver(NAME, NOTE) is None


# a bucket


@pytest.fixture
def bucket() -> Place:
    os.environ.update(AWS, AWS_ENDPOINT_URL=s3_server().url)
    return place(f"s3://{BUCKET}/{os.urandom(4).hex()}/")


def kept(bucket: Place) -> dict[str, bytes]:
    prefix = bucket.address.partition(f"{BUCKET}/")[2]
    listed = s3_server().client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    read = s3_server().client.get_object
    return {each["Key"].removeprefix(prefix): read(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}


def test_a_bucket_gets_an_object_for_each_checkpoint(bucket: Place) -> None:
    assert bucket.deliver(NAME, NOTE) is None
    assert bucket.deliver(OTHER, NOTE) is None
    assert kept(bucket) == {NAME: NOTE, OTHER: NOTE}


def test_an_object_is_never_overwritten_and_the_same_again_is_fine(bucket: Place) -> None:
    assert bucket.deliver(NAME, NOTE) is None

    assert bucket.deliver(NAME, NOTE) is None
    assert "was not overwritten" in str(bucket.deliver(NAME, NOTE + b"x"))
    assert kept(bucket) == {NAME: NOTE}


def test_a_bucket_with_object_lock_keeps_what_it_has(bucket: Place) -> None:
    client = s3_server().client
    locked = f"locked-{os.urandom(4).hex()}"
    client.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    client.put_object_lock_configuration(
        Bucket=locked, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )

    assert place(f"s3://{locked}/shop").deliver(NAME, NOTE) is None
    assert client.get_object(Bucket=locked, Key=f"shop/{NAME}")["Body"].read() == NOTE


def test_a_bucket_that_is_not_there_is_said_without_its_key(bucket: Place) -> None:
    said = place("s3://no-such-bucket/shop/").deliver(NAME, NOTE)

    assert said == "it cannot be written (NoSuchBucket)"


def test_a_bucket_that_cannot_be_reached_is_said(bucket: Place) -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"

    said = str(bucket.deliver(NAME, NOTE))
    assert said.startswith("it cannot be written (")
    assert not [secret for name, secret in AWS.items() if secret in said and name != "AWS_REGION"]


def test_a_bucket_is_not_asked_in_clear() -> None:
    os.environ.update(AWS, AWS_ENDPOINT_URL="http://minio.example:9000")

    assert "https://" in str(place("s3://shop/checkpoints").deliver(NAME, NOTE))


def test_a_key_that_may_only_write_confirms_what_is_there(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object, **__: object) -> bytes:
        raise PermissionError("Access Denied")

    assert bucket.deliver(NAME, NOTE) is None
    monkeypatch.setattr("s3fs.S3FileSystem._cat_file", refused)

    assert bucket.deliver(NAME, NOTE) is None


def test_a_bucket_that_is_full_says_its_code(bucket: Place) -> None:
    with answering(
        b"HTTP/1.1 507 full\r\nContent-Length: 46\r\n\r\n<Error><Code>QuotaExceeded</Code></Error>     "
    ) as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        assert bucket.deliver(NAME, NOTE) == "it cannot be written (QuotaExceeded)"


def test_a_bucket_that_never_answers_is_left(bucket: Place) -> None:
    with answering(None) as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        assert within(0.2, lambda: bucket.deliver(NAME, NOTE)) == "no answer within 0 seconds"


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that gives every request this answer, or none until the block ends."""
    ends = threading.Event()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline()) and line != b"\r\n":
                pass
            if answer is None:
                ends.wait()
            else:
                self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        ends.set()
        for thread in threading.enumerate():
            if thread.name == "checkpoint":
                thread.join()
        server.shutdown()
        serving.join()


# mail


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def test_mail_has_the_checkpoint_as_a_file(mail: MailServer) -> None:
    assert place(mail.address).deliver(NAME, NOTE) is None

    [message] = mail.messages
    [attached] = [part for part in message.walk() if part.get_filename()]
    assert attached.get_filename() == NAME
    assert attached.get_payload(decode=True) == NOTE
    assert NAME in str(message["Subject"])
    assert mail.passwords == [PASSWORD]


def test_a_full_mailbox_is_said(mail: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    mail.is_full = True

    assert place(mail.address).deliver(NAME, NOTE) == "the message was not accepted"
    assert mail.messages == []
    assert PASSWORD not in caplog.text


def test_a_mail_server_that_is_gone_is_said() -> None:
    said = place("mailto://shop:never-shown-password@127.0.0.1:9/?from=a@b.example&mode=insecure").deliver(NAME, NOTE)

    assert said == "the message was not accepted"


def test_a_mail_server_that_says_nothing_is_left(mail: MailServer) -> None:
    mail.answers.clear()

    assert within(0.2, lambda: place(mail.address).deliver(NAME, NOTE)) == "no answer within 0 seconds"


def test_no_message_has_a_login(mail: MailServer) -> None:
    shown = place(mail.address)

    assert shown.shown == "mailto:// (number 1 of store.checkpoint_to)"
    assert PASSWORD not in repr(shown)


def test_an_address_that_nobody_knows_is_said() -> None:
    assert place("nonsense://x").deliver(NAME, NOTE) == "apprise does not know this address"


# the limit


def test_what_fails_in_any_way_is_a_sentence_without_its_text() -> None:
    def fails() -> str:
        raise RuntimeError("mailto://shop:never-shown-password@mail.example")

    assert within(5, fails) == "RuntimeError"
