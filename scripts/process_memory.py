"""Memory of a process and its children."""

import threading
import time
from pathlib import Path


def memory_peak(pid: int) -> tuple[list[float], threading.Thread]:
    """Sample the proportional set size of a process and its children, in KiB, until it has ended."""
    peak = [0.0]

    def sample() -> None:
        while (now := memory(pid)) is not None:
            peak[0] = max(peak[0], now)
            time.sleep(0.1)

    sampler = threading.Thread(target=sample)
    sampler.start()
    return peak, sampler


def memory(pid: int) -> float | None:
    """PSS of the process and its children, in KiB; None where it has ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        own = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    pss = next((line for line in own.splitlines() if line.startswith("Pss:")), "Pss: 0")
    return float(pss.split()[1]) + sum(memory(int(child)) or 0 for child in children)
