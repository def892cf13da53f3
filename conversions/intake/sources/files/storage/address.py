"""The parts of an address such as ``sftp://user@host:2222/orders/*.csv``; the settings have checked its form."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_PARTS = re.compile(
    r"(?P<scheme>[^:]+)://(?:(?P<user>[^@/]*)@)?(?P<host>\[[^\]]*\]|[^:/]*)(?::(?P<port>\d+))?(?P<path>.*)"
)


@dataclass(frozen=True, slots=True)
class Address:
    """An address in ``source.path``."""

    scheme: str
    user: str | None
    host: str
    """The server; at an object store the bucket."""
    port: int | None
    path: str
    """From the first slash on: a pattern, in which no character is escaped."""

    @property
    def shown(self) -> str:
        """The address without its user."""
        return f"{self.scheme}://{self.host}{f':{self.port}' if self.port else ''}{self.path}"


def parse(text: str) -> Address:
    """Return the parts of an address that the settings accepted."""
    found = _PARTS.fullmatch(text)
    assert found is not None
    scheme, user, host, port, path = found.groups()
    return Address(scheme.lower(), unquote(user) if user else None, host, int(port) if port else None, path)
