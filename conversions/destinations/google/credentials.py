"""Finds Google's application default credentials without a network request."""

import os
from pathlib import Path

PRODUCT_NAME = Path("/sys/class/dmi/id/product_name")


def file() -> Path | None:
    """Return the file that ``google.auth.default`` reads, or None. A file that the environment names may be missing."""
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
