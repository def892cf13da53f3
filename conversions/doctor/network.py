"""Checks of the way to the platforms, without a request: proxy, certificate authority, and the hosts to open."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from conversions.catalogue import APPROVE
from conversions.destinations.google import client as google
from conversions.destinations.google import credentials
from conversions.destinations.meta import client as meta
from conversions.doctor.check_result import CheckResult, note, ok, stopped
from conversions.errors import SettingsError
from conversions.settings import GoogleSettings, MetaSettings, Settings
from conversions.transport.route import Route, open_route

UNUSED = {
    **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "proxy"),
    "NO_PROXY": "no_proxy",
    **dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"), "ca_file"),
}
"""Variables of other programs, in upper or lower case, and our setting for the same."""


def check_network(settings: Settings) -> Iterator[CheckResult]:
    """Check the settings of the network, and name variables that a person may believe to be in use."""
    try:
        route = open_route(settings)
    except SettingsError as error:
        yield stopped("network", error)
        return
    yield from _unused_variables(settings)
    if hosts := _hosts(settings):
        way = f"through the proxy {route.proxy}" if route.proxy else "directly"
        yield ok("network", f"Runs must reach, {way}: {_listed(hosts, route)}.{_trusted(settings)}")


def _unused_variables(settings: Settings) -> Iterator[CheckResult]:
    for setting in dict.fromkeys(UNUSED.values()):
        names = sorted(name for name in os.environ if UNUSED.get(name.upper()) == setting and os.environ[name])
        sentence = f"Set in the environment, and not used by this program: {', '.join(names)}"
        if names and getattr(settings, setting):
            yield note("network", f"{sentence}. `{setting}` in the settings counts.")
        elif names:
            yield note(
                "network",
                f"{sentence}.",
                f"Set `{setting}` in conversions.toml if the network needs it, then {APPROVE}.",
            )


def _hosts(settings: Settings) -> list[str]:
    """Return HOST:PORT of everything that a run asks; of addresses that are secrets, too."""
    sections = [section for section in settings.destinations.values() if section.endpoint is None]
    urls = [settings.store.timestamp_url]
    if heartbeat := settings.on_call.heartbeat_url:
        urls.append(heartbeat.get_secret_value())
    if any(isinstance(section, GoogleSettings) for section in sections):
        urls += [google.HOST, *(f"https://{host}" for host in credentials.hosts())]
    if any(isinstance(section, MetaSettings) for section in sections):
        urls.append(meta.HOST)
    return list(dict.fromkeys(_host_and_port(url) for url in urls if url))


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


def _listed(hosts: list[str], route: Route) -> str:
    direct = [host for host in hosts if route.proxy and not route.proxies(f"https://{host}")]
    return ", ".join(f"{host} (directly)" if host in direct else host for host in hosts)


def _trusted(settings: Settings) -> str:
    return f" They also trust the authority in {settings.ca_file}." if settings.ca_file else ""
