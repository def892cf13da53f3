"""What the process may write at all."""

import subprocess
import sys

SCRIPT = """
import os, resource
from conversions.cli import main
os.umask(0)
main(["--version"])
print(*resource.getrlimit(resource.RLIMIT_CORE), oct(os.umask(0)))
"""


def test_a_command_writes_no_core_file_and_no_file_that_others_may_change() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 0 0o22"
