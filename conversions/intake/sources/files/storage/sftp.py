"""Servers with SFTP, through sshfs and asyncssh. fsspec's own driver (paramiko) accepts unknown servers by default.

A server must be known: its key stands in a file of known hosts, and no setting turns that off.
"""

import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from conversions.errors import SettingsError
from conversions.intake.sources.files.storage import network
from conversions.intake.sources.files.storage.address import Address
from conversions.intake.sources.files.storage.driver import FileState, FileSystem
from conversions.intake.sources.files.storage.pattern import Info
from conversions.intake.sources.shop_api.failures import Failure
from conversions.settings import FileSource
from conversions.transport import unreachable
from conversions.transport.causes import chain

MISSING = (
    "source.path is on a server with SFTP, but the driver is not installed. Install `conversions[sftp]` in place of "
    "`conversions`, then `conversions doctor`."
)
TIMEOUT_SECONDS = {"connect_timeout": 20, "login_timeout": 30, "keepalive_interval": 15, "keepalive_count_max": 4}
"""A server that says nothing for a minute has lost the connection."""
KNOWN_HOSTS = "~/.ssh/known_hosts"


class Sftp:
    """One server."""

    def __init__(self, address: Address, settings: FileSource, resolve: Callable[[str], Path]) -> None:
        self._address, self._settings, self._resolve = address, settings, resolve
        self.shown = address.shown
        self.pattern = address.path
        self._host, self._port = address.host.strip("[]"), address.port or 22

    def connect(self) -> FileSystem:
        """Return the server's file system. Raises SettingsError where the driver, a file or a setting is missing."""
        try:
            from sshfs import SSHFileSystem
        except ImportError:
            raise SettingsError(MISSING) from None
        return SSHFileSystem(
            self._host,
            port=self._port,
            skip_instance_cache=True,
            known_hosts=self._known_hosts(),
            config=None,  # not ~/.ssh/config, which another program was set up with
            **({"username": self._address.user} if self._address.user else {}),
            **self._login(),
            **TIMEOUT_SECONDS,
        )

    def list(self, files: FileSystem, folder: str) -> Iterable[Info]:
        """Return what is in a folder; a link counts as what it points to."""
        for entry in files.ls(folder, detail=True):
            if entry["type"] == "link":
                with suppress(FileNotFoundError):  # a link to nothing is no file
                    yield {**files.info(entry["name"]), "name": entry["name"]}
            else:
                yield entry

    def state(self, files: FileSystem, path: str) -> tuple[FileState, datetime | None]:
        """Return size and date of a file; SFTP does not tell the server's own time."""
        info = files.info(path)
        return FileState(info["size"], info["mtime"]), None

    def open(self, files: FileSystem, path: str) -> Any:
        """Return a handle that reads ahead within one request only."""
        return files.open(path, "rb")

    def failure(self, error: Exception) -> Failure:
        """Return what an error of asyncssh means."""
        import asyncssh

        server = f"The server {self._host}"
        errors = [*chain(error)]
        match next((each for each in errors if isinstance(each, asyncssh.Error)), error):
            case asyncssh.HostKeyNotVerifiable():
                return Failure(self._host_key(server))
            case asyncssh.SFTPPermissionDenied():
                return Failure(f"{server} does not let this user read a file or folder of source.path. Allow it there.")
            case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath() | FileNotFoundError():
                return Failure(f"{server} has a file no more that it listed.", passing=True, wait=float("inf"))
            case asyncssh.PermissionDenied() | PermissionError():
                return Failure(f"{server} does not accept the login. {self._login_advice()}")
            case asyncssh.KeyExchangeFailed() | asyncssh.ProtocolNotSupported():
                return Failure(f"{server} speaks no SSH that is safe today. Ask its administrator to update it.")
            case (
                asyncssh.ConnectionLost()
                | asyncssh.SFTPConnectionLost()
                | asyncssh.SFTPNoConnection()
                | ConnectionResetError()
            ):
                return Failure(f"{server} closed the connection.", passing=True)
        if found := network.not_sent(error, self._host, self._port):
            return Failure(
                f"This machine cannot reach the server ({unreachable.reason(found)}). Check source.path and the "
                "network: a firewall must let it pass, and SFTP goes through no proxy.",
                passing=True,
            )
        return Failure(f"{server} cannot be read ({type(error).__name__}).", passing=True)

    def _login(self) -> dict[str, Any]:
        """Return the login for asyncssh. Without one in the settings: the SSH agent, and the keys in ~/.ssh."""
        settings = self._settings
        secret = {"password": settings.password.get_secret_value()} if settings.password else {}
        if settings.key_file:
            return {"client_keys": [self._private_key(settings.key_file)], "agent_path": None, **secret}
        return {"client_keys": None, "agent_path": None, **secret} if secret else {}

    def _private_key(self, name: str) -> Any:
        import asyncssh

        path, passphrase = self._path(name), self._settings.key_passphrase
        try:
            return asyncssh.read_private_key(path, passphrase.get_secret_value() if passphrase else None)
        except OSError as error:
            raise SettingsError(
                f"source.key_file: {path} cannot be read ({error.strerror}). Put the private key there, mode 0600."
            ) from None
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise SettingsError(
                f"source.key_file: {path} holds no private key that CONVERSIONS_SOURCE__KEY_PASSPHRASE opens (the key "
                "without .pub; without a passphrase if that is not set). Correct one of them."
            ) from None

    def _known_hosts(self) -> Any:
        import asyncssh

        path = self._path(self._settings.known_hosts or KNOWN_HOSTS)
        try:
            return asyncssh.import_known_hosts(path.read_text("utf-8") if path.exists() else "")
        except (OSError, ValueError):
            raise SettingsError(
                f"source.known_hosts: {path} cannot be read as a list of known hosts. Correct it, or name another file."
            ) from None

    def _host_key(self, server: str) -> str:
        """Return the sentence for a server with a key that is not known."""
        path = shlex.quote(str(self._path(self._settings.known_hosts or KNOWN_HOSTS)))
        scan = f"`ssh-keyscan -p {self._port} {self._host} >> {path}`"
        keys = self._known_hosts().match(self._host, "", self._port if self._port != 22 else None)[0]
        if keys:
            name = self._host if self._port == 22 else f"'[{self._host}]:{self._port}'"
            return (
                f"{server} shows another key than the one in {path}: it was set up anew, or another server answers in "
                "its place. Ask its administrator for the fingerprint of the new key; only if that is right, "
                f"`ssh-keygen -R {name} -f {path}`, then {scan}."
            )
        return (
            f"{server} is not in {path}, so its identity cannot be checked. Get its key with {scan}, and "
            f"compare `ssh-keygen -lf {path}` with the fingerprint that its administrator gives you."
        )

    def _login_advice(self) -> str:
        if self._settings.key_file:
            return "Check the user in source.path, and that the server knows the public key of source.key_file."
        if self._settings.password:
            return "Check the user in source.path, and CONVERSIONS_SOURCE__PASSWORD in .env."
        return (
            "Put its password into .env as CONVERSIONS_SOURCE__PASSWORD, or set source.key_file to a private key whose "
            "public key the server knows."
        )

    def _path(self, name: str) -> Path:
        return Path(name).expanduser() if name.startswith("~") else self._resolve(name)
