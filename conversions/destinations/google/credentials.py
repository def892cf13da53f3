"""Finds and loads Google's application default credentials, without a network request.

``google.auth.default`` would ask the metadata server and Resource Manager (for a project that is not needed here) by
sessions of its own, which no setting of ours reaches.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PRODUCT_NAME = Path("/sys/class/dmi/id/product_name")
AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105
OAUTH_HOST = "oauth2.googleapis.com"

ALLOW_PROGRAMS = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
"""The variable of google-auth without which it runs no program of a credentials file."""


class ProgramNotAllowed(ValueError):
    """The credentials are given by a program, and it is not allowed to run."""


def file() -> Path | None:
    """Return the file of the credentials, or None. A file that the environment names may be missing."""
    if named := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return Path(named)
    home = os.environ.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud"
    path = Path(home) / "application_default_credentials.json"
    return path if path.is_file() else None


def on_google_cloud() -> bool:
    """Return whether a metadata server exists: the machine is Google's, or the environment names a server."""
    if os.environ.get("GCE_METADATA_HOST"):
        return True
    try:
        return PRODUCT_NAME.read_text().startswith("Google")
    except OSError:
        return False


def load(scope: str) -> Any:
    """Return credentials with *scope*: a file's, or on Google Cloud the machine's own.

    Raises OSError, ValueError or ``GoogleAuthError`` where there are none, or the file is not usable.
    """
    path = file()
    if path is not None:
        return from_info(json.loads(path.read_bytes()), [scope])
    if not on_google_cloud():
        raise FileNotFoundError
    from google.auth.compute_engine import Credentials

    return Credentials(scopes=[scope])  # type: ignore[no-untyped-call]


def from_info(info: Any, scopes: list[str]) -> Any:
    """Return the credentials in *info*, the JSON of a credentials file. Raises ValueError or ``GoogleAuthError``."""
    match info:
        case {"type": "service_account"}:
            from google.oauth2 import service_account

            return service_account.Credentials.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]
        case {"type": "authorized_user"}:  # its scopes were granted at its login
            from google.oauth2 import credentials

            return credentials.Credentials.from_authorized_user_info(info)  # type: ignore[no-untyped-call]
        case {"type": "impersonated_service_account", "source_credentials": {}}:
            from google.auth.impersonated_credentials import Credentials as Impersonated

            return Impersonated.from_impersonated_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]
        case {"type": "external_account_authorized_user"}:
            from google.auth import external_account_authorized_user as workforce

            return workforce.Credentials.from_info(info)  # type: ignore[no-untyped-call]
        case {"type": "external_account"}:
            return _federated(info, scopes)
        case _:
            raise ValueError


def _federated(info: dict[str, Any], scopes: list[str]) -> Any:
    """Return credentials of Workload Identity Federation, by the source of their subject token."""
    from google.auth import aws, identity_pool, pluggable

    kind: Any = identity_pool.Credentials
    if info.get("subject_token_type") == AWS_TOKEN:
        kind = aws.Credentials
    elif "executable" in (info.get("credential_source") or {}):
        if os.environ.get(ALLOW_PROGRAMS) != "1":
            raise ProgramNotAllowed
        kind = pluggable.Credentials
    return kind.from_info(info, scopes=scopes)


def hosts() -> list[str]:
    """Return the hosts that give the access token, as far as a usable file names them; empty without a file."""
    path = file()
    try:
        info = json.loads(path.read_bytes()) if path else {}
        urls = [info.get(key) for key in ("token_uri", "token_url", "service_account_impersonation_url")]
        source = info.get("source_credentials") or {}
        urls += [source.get("token_uri"), source.get("token_url")]
    except (OSError, ValueError, AttributeError):
        return []
    hosts = [host for url in urls if isinstance(url, str) and (host := urlsplit(url).hostname)]
    return list(dict.fromkeys(hosts)) or [OAUTH_HOST]
