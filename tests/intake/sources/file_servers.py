"""Real servers of files on loopback: moto's S3, and asyncssh's SFTP."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import boto3
from moto.server import ThreadedMotoServer

BUCKET = "shop-exports"
AWS = {"AWS_ACCESS_KEY_ID": "AKIASHOPEXPORTS", "AWS_SECRET_ACCESS_KEY": "never-shown-secret", "AWS_REGION": "us-east-1"}
USER, PASSWORD = "shop@shop.example", "never-shown-password"


@contextmanager
def s3_server() -> Iterator[str]:
    """An object store without buckets; yields its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(url: str) -> Any:
    """The tool by which a shop puts its exports there."""
    keys = {"aws_access_key_id": AWS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": AWS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)


class _Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


@dataclass
class SftpServer:
    """A server that shows *folder* as its root, with a key of its own."""

    folder: Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    read_hook: Callable[[int], None] | None = None
    """Called before each answer to a read, with the offset."""
    connections: list[Any] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def start(self) -> None:
        started = threading.Event()
        threading.Thread(target=self._run, args=[started], daemon=True).start()
        started.wait(20)

    def drop_connections(self) -> None:
        """Close every connection without a word, as a network does."""
        for connection in self.connections:
            with suppress(Exception):
                self._loop.call_soon_threadsafe(connection.abort)
        self.connections.clear()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

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

        class Login(_Login):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                outer.connections.append(conn)

        class Files(asyncssh.SFTPServer):
            def __init__(self, chan: Any) -> None:
                super().__init__(chan, chroot=os.fsencode(outer.folder))

            def read(self, file_obj: object, offset: int, size: int) -> bytes:
                if outer.read_hook:
                    outer.read_hook(offset)
                return super().read(file_obj, offset, size)  # type: ignore[return-value]

        listener = await asyncssh.listen(
            "127.0.0.1", self.port, server_factory=Login, server_host_keys=[self.host_key], sftp_factory=Files
        )
        self.port = listener.get_port()
