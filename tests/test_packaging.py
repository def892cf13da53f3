"""The shipped files: dependencies pinned, complete, without traces of a workplace."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKPLACE = re.compile(r"/[w]ork/|/[f]arm/|--(extra-)?index[-]url|https?://\S*/(simple|packages)[/]")
SHIPPED = (
    "woocommerce.toml",
    "shopify.toml",
    "woocommerce-database.toml",
    "conversions.toml",
    "privacy-policy.toml",
    "systemd/conversions.service",
    "systemd/conversions.timer",
    "systemd/conversions-failed@.service",
)
RELEASES = {
    ROOT / "tests" / "ledger" / f"{name}_release" for name in ("first", "second", "third", "fourth", "fifth", "sixth")
} | {ROOT / "tests" / "ledger" / f"{name}_release_rights" for name in ("fifth", "sixth")}
"""A made-up shop's stores, to be upgraded for ever."""


def files() -> list[Path]:
    """What is committed, or would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_every_pinned_package_has_its_hash_and_its_version() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(pinned) > 50
    assert [
        line for line in pinned if not re.match(r"[a-z0-9._-]+(\[.*?\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ] == []


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [name for group in project["dependency-groups"].values() for name in group if isinstance(name, str)]
    wanted = {
        re.split(r"[<>=\[]", name)[0].replace("_", "-") for name in [*project["project"]["dependencies"], *groups]
    }
    pinned = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()}
    assert wanted <= {name.partition("[")[0] for name in pinned}


def test_nothing_names_a_workplace_or_a_registry() -> None:
    named = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if WORKPLACE.search(line)
    ]
    assert named == []


def test_no_secret_and_no_store_is_committed() -> None:
    found = [path for path in files() if path.name == ".env" or path.suffix in {".db", ".tail"}]
    assert [path for path in found if path.parent not in RELEASES] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys, uv_build; uv_build.build_wheel(sys.argv[1])"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, env=environment, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_wheel_holds_what_init_writes(wheel: zipfile.ZipFile, name: str) -> None:
    packed = wheel.read(f"conversions/cli/templates/{Path(name).name}")
    assert packed == (ROOT / "config" / name).read_bytes()


def test_the_wheel_holds_the_example_of_the_secrets(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("conversions/cli/templates/env") == (ROOT / ".env.example").read_bytes()


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    packed = set(wheel.namelist())
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "conversions").rglob("*.py")} <= packed
    assert "conversions/py.typed" in packed


@pytest.mark.parametrize("script", ["setup", "demo", "test", "check", "lock"])
def test_a_script_stops_at_its_first_failure(script: str) -> None:
    path = ROOT / "scripts" / script
    assert os.access(path, os.X_OK)
    assert "\nset -eu\n" in path.read_text(encoding="utf-8")
    subprocess.run(["sh", "-n", path], check=True)
