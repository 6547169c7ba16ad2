"""The machine itself: what it is, its clock, power, heat, memory and disk."""

import ctypes
import os
import platform
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.config import state_directory
from appliance.doctor.contract import Found
from appliance.doctor.software import ask
from appliance.errors import DeviceError
from appliance.hardware.hwmon import SLOWED_DOWN, SYS, read_board
from appliance.power import HEAT, UNDERVOLTAGE

DISK_FREE_LIMIT: Final = 50_000_000  # bytes; the state directory needs far less
MEMORY_LIMIT: Final = 64 * 1024  # kB available; the daemon has some 90 MB, and grows by a picture
EARLIEST: Final = 1_767_225_600  # 2026-01-01, before there was any appliance
UNSURE: Final = 16_000_000  # µs of error at which the kernel takes its clock for unset
SYSTEM_STATE: Final = Path("/var/lib/voice-appliance")  # StateDirectory= of the unit

_TIMEX: Final = struct.Struct("@I3l")  # struct timex: modes, offset, frequency, maximal error
_TIMEX_SIZE: Final = 256  # bytes; all of it has 208 on 64-bit machines (adjtimex(2))


async def board(root: Path = Path("/")) -> str:
    """Tell which board this is, and which system runs on it. `root`: where /proc and /etc lie."""
    model = _text(root / "proc/device-tree/model").strip("\0\n ") or "No Raspberry Pi"
    release = dict(
        line.split("=", 1) for line in _text(root / "etc/os-release").splitlines() if "=" in line
    )
    name = release.get("PRETTY_NAME", "unknown system").strip('"')
    return f"{model}; {name}; Linux {platform.release()} on {platform.machine()}."


def clock_error() -> int | None:
    """Return what the kernel thinks its clock may be wrong by, in µs; None if it does not say.

    adjtimex(2), which changes nothing as its `modes` are 0.
    """
    buffer = ctypes.create_string_buffer(_TIMEX_SIZE)
    call = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if call is None or call(buffer) < 0:
        return None
    return int(_TIMEX.unpack_from(buffer)[3])


async def clock(
    run: Path = Path("/run"),
    now: Callable[[], float] = time.time,
    error: Callable[[], int | None] = clock_error,
) -> str | Found:
    """See whether the clock was set: a wrong one makes every certificate invalid.

    systemd-timesyncd leaves a file (systemd-time-wait-sync.service(8)); of others, such as chrony,
    the kernel knows by the error of its clock, as systemd's timedated takes it. `run`: where /run
    is. Raises DeviceError if the clock is impossible.
    """
    told = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now()))
    if now() < EARLIEST:
        raise DeviceError(
            f"The clock says {told}, which cannot be.",
            "A Pi sets it from the network: check that, and that NTP (UDP 123) may pass; "
            "timedatectl timesync-status.",
        )
    wrong = error()
    if (run / "systemd/timesync/synchronized").exists() or (wrong is not None and wrong < UNSURE):
        return f"Synchronised; {told}."
    if wrong is None:
        return Found("not-applicable", f"Whether it is synchronised is not known; {told}.")
    return Found(
        "warn",
        f"Nothing has set the clock since the start; it says {told}.",
        "If that is wrong, calls fail: check the network, and timedatectl timesync-status.",
    )


async def power(sys: Path = SYS) -> str | Found:
    """See whether the supply is strong enough, and was since the daemon began.

    `sys`: where sysfs is.
    """
    weak = read_board(sys).undervoltage
    if weak is None:
        return Found("not-applicable", "Not known: the kernel has no sensor for it (rpi_volt).")
    if weak:
        return Found("warn", UNDERVOLTAGE.cause, UNDERVOLTAGE.cure)
    status = await ask()
    if status is not None and (times := status.board.undervoltages):
        often = "once" if times == 1 else f"{times} times"
        return Found("warn", f"It was too weak {often} since the daemon began.", UNDERVOLTAGE.cure)
    return "The voltage is right."


async def heat(sys: Path = SYS) -> str | Found:
    """See whether the processor is slowed down by heat. `sys`: where sysfs is."""
    celsius = read_board(sys).celsius
    if celsius is None:
        return Found("not-applicable", "Not known: the kernel has no sensor for it (cpu_thermal).")
    if celsius >= SLOWED_DOWN:
        return Found("warn", f"{celsius:.0f} °C. {HEAT.cause}", HEAT.cure)
    return f"{celsius:.0f} °C; from {SLOWED_DOWN:.0f} on it is slowed down."


async def memory(proc: Path = Path("/proc")) -> str | Found:
    """See whether memory is left, as the kernel estimates it (proc_meminfo(5), MemAvailable)."""
    told = dict(line.split(":", 1) for line in _text(proc / "meminfo").splitlines() if ":" in line)
    if "MemAvailable" not in told:
        return Found("not-applicable", "Not known: the kernel does not say.")
    free, whole = (int(told[key].split()[0]) for key in ("MemAvailable", "MemTotal"))
    if free < MEMORY_LIMIT:
        return Found(
            "warn",
            f"Only {free // 1024} of {whole // 1024} MB are free.",
            "End other programs (sort them with: top -o %MEM), or take a Pi with more memory.",
        )
    return f"{free // 1024} of {whole // 1024} MB free."


async def disk(system: Path = SYSTEM_STATE) -> str | Found:
    """See whether there is room for what is kept, and whether it can be kept.

    `system`: the service's state directory; if it is not there, the user's own is looked at.
    """
    folder = _state_folder(system)
    about = os.statvfs(folder)
    free = about.f_bavail * about.f_frsize
    if about.f_flag & os.ST_RDONLY:
        return Found(
            "warn",
            f"The disk of {folder} is read-only: volume and gain are forgotten at each restart.",
            "If it should not be, the card may be worn out: dmesg says why; take a new one.",
        )
    if free < DISK_FREE_LIMIT or (about.f_files and not about.f_favail):
        return Found(
            "warn",
            f"The disk of {folder} is full: {free // 1000} kB and {about.f_favail} files left.",
            "Make room: sudo apt clean; sudo journalctl --vacuum-size=50M.",
        )
    return f"{free // 1_000_000} MB free."


def _state_folder(system: Path) -> Path:
    folder = system if system.is_dir() else state_directory()
    while not folder.exists():
        folder = folder.parent
    return folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
