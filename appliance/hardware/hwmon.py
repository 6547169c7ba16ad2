"""What the board tells of its power and heat: the kernel's hwmon, below /sys/class/hwmon.

`rpi_volt` is the driver raspberrypi-hwmon (Linux, drivers/hwmon/raspberrypi-hwmon.c; all Pis up to
the 5): every 2 s it asks the firmware whether the supply was too low since it asked last, and
`in0_lcrit_alarm` is the answer. `cpu_thermal` is the processor's sensor, as the device trees of all
Pis call it. Both are read by anybody, from inside the unit's sandbox too. That the firmware slows
the processor down is told nowhere: `scaling_cur_freq` stays what was asked for (raspberrypi/linux,
issue 2986), and `get_throttled` in sysfs logs a kernel warning (drivers/firmware/raspberrypi.c).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SYS: Final = Path("/sys")
ALARM_TIME: Final = 2.0  # s for which the kernel's alarm speaks
# Raspberry Pi documentation, "Frequency management and thermal control": from 80 °C on the
# processor is slowed down step by step, on all models; at 85 °C it is slowed down for good.
SLOWED_DOWN: Final = 80.0


@dataclass(frozen=True, slots=True)
class Board:
    """What is known of power and heat; None: not known here. `celsius`: of the processor."""

    undervoltage: bool | None = None
    celsius: float | None = None


def read_board(sys: Path = SYS) -> Board:
    """Return what the board tells now. Reads a few small files, under a millisecond; never raises.

    `sys`: where sysfs is.
    """
    undervoltage: bool | None = None
    celsius: float | None = None
    for sensor in sorted(sys.glob("class/hwmon/hwmon*")):
        name = _text(sensor / "name")
        if name == "rpi_volt":
            alarm = _number(sensor / "in0_lcrit_alarm")
            undervoltage = None if alarm is None else bool(alarm)
        elif name == "cpu_thermal":
            reading = _number(sensor / "temp1_input")  # thousandths
            celsius = None if reading is None else reading / 1000
    return Board(undervoltage, celsius)


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.removeprefix("-").isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # no such sensor, or its driver was just unloaded
        return ""
