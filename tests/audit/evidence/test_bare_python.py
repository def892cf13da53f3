"""The verifier in a bundle: it runs on bare Python 3.9 and newer, and says the same on each."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversions.audit.evidence import verifier
from tests.audit.evidence.forging import keep_checkpoints, write
from tests.audit.shop import ENVIRONMENT, Shop

OLDEST, NEWEST = (3, 9), (3, 20)
MODULES = sorted(Path(verifier.__file__).parent.glob("*.py"))
START = MODULES[0].parents[1] / "verify_conversions.py"


def pythons() -> Iterator[Path]:
    """Every interpreter of this machine that auditors may have, each version once; the present one first."""
    found = {sys.version_info[:2]: Path(sys.executable)}
    folders = [*map(Path, os.environ.get("PATH", "").split(os.pathsep)), Path("/usr/bin"), Path("/usr/local/bin")]
    homes = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    homes.append(Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python")))
    folders += [folder for home in homes for folder in sorted(home.glob("*/bin"))]
    for folder in folders:
        for minor in range(OLDEST[1], NEWEST[1]):
            if (3, minor) not in found and (path := folder / f"python3.{minor}").exists() and runs(path):
                found[3, minor] = path
    yield from found.values()


def runs(path: Path) -> bool:
    """Whether this is an interpreter, and no link to one that is not there."""
    done = subprocess.run([path, "-I", "-S", "-c", ""], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(scope="module")
def bundles(past: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as a directory and as a zip, and the auditor's own checkpoints."""
    home = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        write(past, home / "bundle")
        write(past, home / "bundle.zip")
    keep_checkpoints(past, home / "own")
    return home


def verify(python: Path, home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the bundle's verifier, with no package at hand and no environment."""
    command = [python, "-I", "-S", home / "bundle" / "verify_conversions.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=home / "own")


def test_it_runs_on_every_python_with_nothing_installed(bundles: Path) -> None:
    key = (bundles / "bundle" / "log-keys.txt").read_text().split()[0]
    for python in pythons():
        for name in ("bundle", "bundle.zip"):
            done = verify(python, bundles, bundles / name, "--key", key, "--checkpoint", bundles / "own")
            assert (done.returncode, done.stderr) == (0, ""), (python, done)
            expected = verifier.verify(bundles / name, [key], [bundles / "own"])
            assert done.stdout.splitlines() == [*expected.lines()]


def test_it_leaves_no_file_in_the_bundle(bundles: Path) -> None:
    before = sorted((bundles / "bundle").rglob("*"))

    assert verify(Path(sys.executable), bundles, bundles / "bundle").returncode == 0
    assert sorted((bundles / "bundle").rglob("*")) == before


def test_another_key_than_the_one_that_was_given_is_refused(bundles: Path) -> None:
    other = "conversions/other+8a4dbf0b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    for key, said in ((other, "another key"), ("conversions/typed+wrong", "is not a verifier key")):
        done = verify(Path(sys.executable), bundles, bundles / "bundle", "--key", key)
        assert (done.returncode, done.stdout.startswith("Refused: ")) == (1, True), done
        assert said in done.stdout


def test_a_path_without_a_bundle_is_said(bundles: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    shutil.copy(bundles / "bundle" / "bundle.json", tmp_path / "file")
    for path, said in (("gone", "there is no bundle"), ("folder", "older bundle"), ("file", "cannot be read")):
        done = verify(Path(sys.executable), bundles, tmp_path / path)
        assert (done.returncode, done.stderr) == (1, ""), done
        assert said in done.stdout


def test_a_name_in_a_bundle_cannot_control_the_terminal(bundles: Path, tmp_path: Path) -> None:
    own = tmp_path / "\x1b[2Jown"
    own.write_bytes(b"no checkpoint")
    done = verify(Path(sys.executable), bundles, bundles / "bundle", "--checkpoint", own)

    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\\x1b[2Jown" in done.stdout


def test_a_terminal_that_lacks_a_letter_gets_its_number(bundles: Path, tmp_path: Path) -> None:
    own = tmp_path / "prøve"
    own.write_bytes(b"no checkpoint")
    made = bundles / "bundle"
    command: list[str | Path] = [sys.executable, made / "verify_conversions.py", made, "--checkpoint", own]
    done = subprocess.run(command, capture_output=True, check=False, env={"PYTHONIOENCODING": "ascii"})

    assert (done.returncode, done.stderr) == (1, b"")
    assert b"your checkpoint pr\\xf8ve" in done.stdout


@pytest.mark.parametrize("module", [*MODULES, START], ids=lambda path: path.name)
def test_its_syntax_is_that_of_the_oldest_python(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"), feature_version=OLDEST)

    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names) | {"verifier"}
