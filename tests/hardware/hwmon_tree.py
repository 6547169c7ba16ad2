"""A Pi's /sys/class/hwmon, made of files: what `read_board` reads."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class HwmonTree:
    """Two sensors among others, as a Pi 5 has them. `sys`: to be given as sysfs."""

    sys: Path

    def __post_init__(self) -> None:
        self._sensor(0, "cpu_thermal", temp1_input="46300", temp1_crit="110000")
        self._sensor(1, "rp1_adc", temp1_input="99000", in1_input="1468")
        self._sensor(2, "rpi_volt", in0_lcrit_alarm="0")

    @property
    def celsius(self) -> float:
        """Of the processor."""
        return int((self._folder(0) / "temp1_input").read_text()) / 1000

    @celsius.setter
    def celsius(self, value: float) -> None:
        (self._folder(0) / "temp1_input").write_text(f"{value * 1000:.0f}\n")

    def alarm(self, on: bool) -> None:
        """Set what the kernel tells of the last two seconds."""
        (self._folder(2) / "in0_lcrit_alarm").write_text(f"{on:d}\n")

    def unload(self, number: int) -> None:
        """Take a driver away: its files go, its folder last."""
        for file in self._folder(number).iterdir():
            file.unlink()
        self._folder(number).rmdir()

    def _folder(self, number: int) -> Path:
        return self.sys / "class" / "hwmon" / f"hwmon{number}"

    def _sensor(self, number: int, name: str, **readings: str) -> None:
        self._folder(number).mkdir(parents=True)
        for file, text in {"name": name, **readings}.items():
            (self._folder(number) / file).write_text(f"{text}\n")
