"""Connections to object stores with the API of Amazon S3, through s3fs.

Key, region and endpoint come from the environment or the files of the AWS tools, as botocore reads them; the proxy and
its authority only from the settings, as for everything that this program asks.
"""

import os
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from requests.adapters import DEFAULT_CA_BUNDLE_PATH

from conversions.settings.values import LOOPBACK
from conversions.transport.causes import chain
from conversions.transport.route import Route

TIMEOUT_SECONDS = {"connect_timeout": 10, "read_timeout": 60}


def open_files(route: Route, authorities_file: str, url: str) -> Any:
    """Return the file system of all buckets, which is reached by *route*. Raises ImportError where s3fs is missing."""
    from s3fs import S3FileSystem

    files = S3FileSystem(
        skip_instance_cache=True,
        use_listings_cache=False,
        client_kwargs={"verify": authorities_file},
        # An empty dictionary, not None: otherwise the proxy of the environment counts.
        config_kwargs={**TIMEOUT_SECONDS, "retries": {"total_max_attempts": 1}, "proxies": _proxies(route, url)},
    )
    files.retries = 1
    return files


def encrypted(files: Any) -> bool:
    """Return whether the store is asked over TLS, or is on this machine."""
    url = str(files.connect().meta.endpoint_url)
    return urlsplit(url).scheme == "https" or LOOPBACK.fullmatch(url) is not None


def code_of(error: Exception) -> str:
    """Return the code of the store's answer, such as NoSuchBucket; empty where no answer came."""
    responses = (getattr(each, "response", None) for each in chain(error))
    codes = (each.get("Error", {}).get("Code", "") for each in responses if isinstance(each, Mapping))
    code = str(next(codes, ""))
    return code if code.isascii() and code.isalnum() else "no code" if code else ""


def endpoint(bucket: str) -> str:
    """Return the address that is asked, as far as the environment tells: for the proxy, and for messages."""
    given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return given or f"https://{bucket}.s3.amazonaws.com"


def authorities(route: Route, owner: object) -> str:
    """Return the file with the authorities to trust; botocore takes one file. It is deleted with *owner*."""
    if not route.certificates:
        return DEFAULT_CA_BUNDLE_PATH
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        weakref.finalize(owner, Path(file.name).unlink, missing_ok=True)
        file.write(f"{Path(DEFAULT_CA_BUNDLE_PATH).read_text('utf-8')}\n{route.certificates}\n")
    return file.name


def _proxies(route: Route, url: str) -> dict[str, str]:
    """Return the proxy by scheme, with its login: botocore has no other place for it."""
    proxies = route.proxies(url)
    if route.login is None:
        return proxies
    user, _, password = route.login.partition(":")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return {scheme: proxy.replace("://", f"://{login}@", 1) for scheme, proxy in proxies.items()}
