"""The places that get checkpoints: a folder, a bucket, a command, or whoever reads mail or chat."""

import shlex
from collections.abc import Sequence
from typing import Protocol, assert_never
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from conversions.distribution.bucket import Bucket
from conversions.distribution.command import Command
from conversions.distribution.folder import Folder
from conversions.distribution.message import Message
from conversions.settings.outside_address import COMMAND
from conversions.transport.route import Route


class Place(Protocol):
    """One place outside."""

    @property
    def address(self) -> str:
        """Its address in the settings, which may hold a login: no message may have it."""

    @property
    def shown(self) -> str:
        """The address for messages, without a login."""

    def deliver(self, name: str, content: bytes) -> str | None:
        """Deliver a checkpoint under *name*; return why that failed. The same content again is no failure.

        May raise any exception of its library.
        """


def open_places(addresses: Sequence[str | SecretStr], route: Route) -> list[Place]:
    """Return the places of ``store.checkpoint_to``, in its order; nothing is opened."""
    return [_open(number, address, route) for number, address in enumerate(addresses, 1)]


def _open(number: int, address: str | SecretStr, route: Route) -> Place:
    match address:
        case SecretStr():
            return Message(address.get_secret_value(), number, route)
        case str() if address.startswith(COMMAND):
            return Command(address, shlex.split(address.removeprefix(COMMAND)))
        case str() if address.startswith("file:"):
            return Folder(address, unquote(urlsplit(address).path))
        case str():
            return Bucket(address, route)
        case _:
            assert_never(address)
