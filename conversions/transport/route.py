"""The route of a request: directly or through a proxy, and the authorities that it trusts in addition.

Nothing of it comes from the environment but the user and password for the proxy. A proxy that opens TLS reads digests,
amounts and tokens, so the route is approved like an account, and stored with each request.
"""

import base64
import ipaddress
import json
import re
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from conversions.errors import SettingsError
from conversions.settings import Settings

METADATA_HOST = "metadata.google.internal"
"""Google Cloud's metadata server; like all link-local addresses, no proxy reaches it."""
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Route:
    """The ways from this machine to the outside."""

    proxy: str | None = None
    """Scheme, host and port; never a user or a password."""
    no_proxy: tuple[str, ...] = ()
    """Hosts that are reached directly, with their subdomains."""
    login: str | None = field(default=None, repr=False)
    """``user:password`` for the proxy."""
    authorities: bytes = field(default=b"", repr=False)
    """The contents of ``ca_file``."""

    def proxies(self, url: str) -> dict[str, str]:
        """Return the proxy for *url* by scheme, as ``requests`` takes it; empty where *url* is reached directly."""
        host = urlsplit(url).hostname or ""
        direct = self.proxy is None or _is_local(host) or any(_covers(name, host) for name in self.no_proxy)
        return {} if direct else dict.fromkeys(("http", "https"), str(self.proxy))

    @property
    def proxy_headers(self) -> dict[str, str]:
        """The headers that only the proxy gets (RFC 7617)."""
        if self.login is None:
            return {}
        return {"Proxy-Authorization": f"Basic {base64.b64encode(self.login.encode()).decode()}"}

    @cached_property
    def certificates(self) -> str:
        """The certificates of ``ca_file`` as PEM, without other text; empty where there is none."""
        return "\n".join(found.decode() for found in _CERTIFICATE.findall(self.authorities))

    @property
    def public(self) -> dict[str, Any]:
        """What the route depends on, without a secret: for an approval."""
        return {"proxy": self.proxy, "no_proxy": list(self.no_proxy), "ca_file": self._authorities_digest}

    def text(self, url: str) -> str | None:
        """Return the route to *url* as the log stores it, as JSON; None: directly, and with the usual authorities."""
        if _is_local(urlsplit(url).hostname or ""):
            return None
        parts = {"proxy": self.proxies(url).get("https"), "ca_file": self._authorities_digest}
        present = {name: part for name, part in parts.items() if part}
        return json.dumps(present) if present else None

    @property
    def _authorities_digest(self) -> str | None:
        return f"sha256:{sha256(self.authorities).hexdigest()}" if self.authorities else None


DIRECT = Route()


def open_route(settings: Settings) -> Route:
    """Return the route that *settings* describe. Raises SettingsError where ``ca_file`` cannot be used."""
    user, password = (
        secret.get_secret_value() if secret else "" for secret in (settings.proxy_user, settings.proxy_password)
    )
    return Route(
        proxy=settings.proxy,
        no_proxy=tuple(settings.no_proxy),
        login=f"{user}:{password}" if settings.proxy and user else None,
        authorities=_read_authorities(settings) if settings.ca_file else b"",
    )


def trust(route: Route, context: ssl.SSLContext) -> None:
    """Add the authorities of *route* to *context*."""
    if route.certificates:
        context.load_verify_locations(cadata=route.certificates)


def _read_authorities(settings: Settings) -> bytes:
    path = settings.resolve(settings.ca_file or "")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"ca_file: {path} cannot be read ({error.strerror}). Put your company's certificate authority there, in "
            "PEM form, or remove the setting; then `conversions doctor`."
        ) from None
    try:
        route = Route(authorities=content)
        trust(route, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        usable = bool(route.certificates)
    except ssl.SSLError:
        usable = False
    if not usable:
        raise SettingsError(
            f"ca_file: {path} holds no certificate in PEM form (a text that begins with -----BEGIN CERTIFICATE-----). "
            f"A binary file is converted by `openssl x509 -inform der -in {path.name} -out company-ca.pem`; then "
            "`conversions doctor`."
        )
    return content


def _is_local(host: str) -> bool:
    """Return whether *host* is this machine, or can only be reached from its own network segment."""
    if host in {"localhost", METADATA_HOST}:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local


def _covers(name: str, host: str) -> bool:
    return host == name or host.endswith(f".{name}")
