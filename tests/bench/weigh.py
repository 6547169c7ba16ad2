"""What a process has and uses; imports nothing that would weigh on the scales."""

import os
from pathlib import Path


def resident(pid: int | str = "self") -> float:
    """Return a process's resident memory in MB."""
    return _status(pid, "VmRSS:")


def peak(pid: int | str = "self") -> float:
    """Return the most memory that was ever resident in a process, MB (proc(5), VmHWM)."""
    return _status(pid, "VmHWM:")


def _status(pid: int | str, name: str) -> float:
    """Return a number of kB of a process's status, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def descriptors(pid: int) -> int:
    """Return how many file descriptors it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names only


def threads(pid: int) -> int:
    """Return how many threads it has."""
    return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - names only


def cpu(pid: int) -> float:
    """Return the CPU seconds it has used (proc(5): utime and stime, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
