"""Checks that each platform's credentials exist and are well formed, without network access."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from conversions.destinations.google import credentials
from conversions.destinations.google.token import SCOPE
from conversions.doctor.check_result import CheckResult, note, ok, problem
from conversions.errors import Exit
from conversions.settings import DestinationSettings, GoogleSettings, MetaSettings

GOOGLE_HOW = (
    "Create a service account's key file, or the configuration file of Workload Identity Federation where your"
    " organisation forbids keys. Add the service account's e-mail as a user of the Google Ads account (Admin, Access"
    " and security), and name the file in GOOGLE_APPLICATION_CREDENTIALS."
)
FEDERATION_HOW = (
    "Make the file anew with `gcloud iam workload-identity-pools create-cred-config … --service-account=E-MAIL`, and"
    " add that e-mail as a user of the Google Ads account."
)
META_HOW = (
    "Events Manager, the dataset, Settings, Conversions API, Generate access token; put it into .env as "
    "CONVERSIONS_META__ACCESS_TOKEN."
)


def check_credentials(name: str, section: DestinationSettings) -> Iterator[CheckResult]:
    """Check the credentials of one destination."""
    if section.endpoint is not None:
        yield note(name, f"This is a rehearsal against {section.endpoint}; no credentials are needed.")
        return
    match section:
        case GoogleSettings():
            yield _google(name)
        case MetaSettings():
            yield _meta(name, section)
        case _:
            assert_never(section)


def _meta(name: str, section: MetaSettings) -> CheckResult:
    token = section.access_token.get_secret_value() if section.access_token else ""
    if not token:
        return _missing(name, "Meta's access token is missing.", META_HOW.replace("_META__", f"_{name.upper()}__"))
    if not token.isascii() or not token.isalnum():
        return _missing(
            name, "Meta's access token contains characters that no token has; is it cut or in quotes?", META_HOW
        )
    return ok(name, "Meta's access token is set; only sending shows whether it is still valid.")


def _google(name: str) -> CheckResult:
    path = credentials.file()
    if path is not None:
        return _google_file(name, path)
    if credentials.on_google_cloud():
        return note(name, "There is no credentials file; on Google Cloud, runs use the machine's own service account.")
    return _missing(name, "Google's credentials are missing.", GOOGLE_HOW)


def _google_file(name: str, path: Path) -> CheckResult:
    try:
        info = json.loads(path.read_bytes())
        kind = info["type"]
        _parse(info)
    except credentials.ProgramNotAllowed:
        sentence = f"{path} names a program that gives the credentials, and it is not allowed to run."
        return _missing(name, sentence, f"If you trust that file, set {credentials.ALLOW_PROGRAMS}=1.")
    except OSError as error:
        return _missing(name, f"Google's credentials {path} cannot be read: {error.strerror}.", GOOGLE_HOW)
    except (ValueError, KeyError, TypeError):
        return _missing(name, f"{path} contains no usable Google credentials.", GOOGLE_HOW)
    if path.stat().st_mode & 0o077:
        return note(name, f"Other users may read Google's credentials {path}.", f"chmod 600 {shlex.quote(str(path))}")
    if kind == "external_account" and not info.get("service_account_impersonation_url"):
        return note(name, f"{path} names no service account, and Google Ads knows its users by e-mail.", FEDERATION_HOW)
    return ok(name, f"Google's credentials exist ({kind}); `conversions doctor --online` tests them at Google.")


def _parse(info: object) -> None:
    """Raise ValueError where no token can be asked with these credentials."""
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials.from_info(info, [SCOPE])
    except (GoogleAuthError, AttributeError):
        raise ValueError from None


def _missing(name: str, sentence: str, next_: str) -> CheckResult:
    return problem(name, sentence, next_, Exit.CREDENTIALS)
