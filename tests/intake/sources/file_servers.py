"""Real servers of files on loopback: moto's S3, and asyncssh's SFTP."""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import asyncssh
import boto3

BUCKET = "shop-exports"
AWS = {"AWS_ACCESS_KEY_ID": "AKIASHOPEXPORTS", "AWS_SECRET_ACCESS_KEY": "never-shown-secret", "AWS_REGION": "us-east-1"}
USER, PASSWORD = "shop@shop.example", "never-shown-password"
USER_IN_ADDRESS = "shop%40shop.example"


class S3Server:
    """An object store with one bucket, in a process of its own: a test may measure its own memory."""

    def __init__(self, port: int = 0) -> None:
        command = [sys.executable, "-c", _SERVE, str(port)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        keys = {"aws_access_key_id": AWS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": AWS["AWS_SECRET_ACCESS_KEY"]}
        self.client: Any = boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, content: str | bytes) -> None:
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def stop(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.communicate()


_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass
class SftpServer:
    """A server that shows *folder* as its root, with a key of its own."""

    folder: Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    public_key: asyncssh.SSHKey | None = None
    """The only key that logs in."""
    denied: bool = False
    """Whether nobody may list a folder."""
    was_read: threading.Event = field(default_factory=threading.Event)
    may_read: threading.Event = field(default_factory=threading.Event)
    connections: list[Any] = field(default_factory=list)
    _thread: threading.Thread = field(init=False)
    _listener: asyncssh.SSHAcceptor = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)

    def start(self) -> None:
        self.may_read.set()
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[started], daemon=True)
        self._thread.start()
        started.wait(20)

    def drop_connections(self) -> None:
        """Close every connection without a word, as a network does."""
        for connection in self.connections:
            with suppress(Exception):
                self._loop.call_soon_threadsafe(connection.abort)
        self.connections.clear()

    def hold_reads(self) -> None:
        """Answer no read before ``release_reads``."""
        self.may_read.clear()

    def release_reads(self) -> None:
        self.may_read.set()

    def refuse_connections(self) -> None:
        """Listen no more, and close every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def known_hosts(self, path: Path) -> Path:
        path.write_text(f"[127.0.0.1]:{self.port} {self.host_key.export_public_key().decode()}")
        return path

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        started.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        outer = self

        class Login(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                outer.connections.append(conn)

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == (USER, PASSWORD)

            def public_key_auth_supported(self) -> bool:
                return outer.public_key is not None

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return username == USER and key == outer.public_key

        class Files(asyncssh.SFTPServer):
            def __init__(self, chan: Any) -> None:
                super().__init__(chan, chroot=os.fsencode(outer.folder))

            async def read(self, file_obj: object, offset: int, size: int) -> bytes:
                outer.was_read.set()
                while not outer.may_read.is_set():  # noqa: ASYNC110 - another thread sets it
                    await asyncio.sleep(0.01)
                return super().read(file_obj, offset, size)  # type: ignore[return-value]

            def scandir(self, path: bytes) -> Any:
                if outer.denied:
                    raise asyncssh.SFTPPermissionDenied("denied")
                return super().scandir(path)

        self._listener = await asyncssh.listen(
            "127.0.0.1", self.port, server_factory=Login, server_host_keys=[self.host_key], sftp_factory=Files
        )
        self.port = self._listener.get_port()

    async def _close(self) -> None:
        self._listener.close()
        for connection in self.connections:
            connection.abort()
        await asyncio.sleep(0)
        await self._listener.wait_closed()


@cache
def s3_server() -> S3Server:
    """The object store of all tests of a process, until ``stop_servers``."""
    return S3Server()


@cache
def sftp_server() -> SftpServer:
    """The server of all tests of a process, with the temporary directories as its root."""
    server = SftpServer(Path(tempfile.gettempdir()))
    server.start()
    return server


def stop_servers() -> None:
    for started in (s3_server, sftp_server):
        if started.cache_info().currsize:
            started().stop()
            started.cache_clear()
