"""The Pi's camera through the program rpicam-still: a process for each picture."""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from appliance.errors import DeviceError
from appliance.hardware.camera_driver import CameraDriver
from appliance.hardware.sensor import mode_size, picture_size

PROGRAM: Final = "rpicam-still"
SETTLE: Final = 0.5  # s of frames thrown away while exposure settles; the program does not watch it
LIST_TIME: Final = 4.0  # s for listing the cameras; 0.5 on a Pi 4

# As in "0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)".
_LISTED: Final = re.compile(r"^0 : (\S+) \[(\d+)x(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Listed:
    """The first camera of `rpicam-still --list-cameras`, with the size of its sensor."""

    name: str
    width: int
    height: int


class RpicamStill(CameraDriver):
    """The camera is open only while the program runs."""

    stays_open = False

    def __init__(self) -> None:
        self.about = ""
        self._program = PROGRAM
        self._sensor = (0, 0)
        self._running: subprocess.Popen[bytes] | None = None
        self._closed = False

    @override
    def load(self) -> None:
        found = shutil.which(PROGRAM)
        if found is None:
            raise DeviceError(
                f"There is no program {PROGRAM} here.",
                "Run: sudo apt install rpicam-apps-lite, or set camera.driver to auto.",
            )
        self._program = found

    @override
    def open(self) -> None:
        try:
            told, errors = self._run(LIST_TIME, "--list-cameras")
        except TimeoutError:
            raise DeviceError(
                f"{PROGRAM} does not answer.", "Check the camera's cable with the power off."
            ) from None
        listed = read_list((told + errors).decode("utf-8", "replace"))
        if listed is None:
            raise DeviceError(f"{PROGRAM} sees no camera.", "Check its cable with the power off.")
        self._sensor = (listed.width, listed.height)
        self.about = f"{PROGRAM}, {listed.name}"

    @override
    def start(self) -> None:
        pass

    @override
    def picture(self, settle: float, limit: float) -> bytes:
        width, height = picture_size(*self._sensor)
        jpeg, errors = self._run(
            limit, "--nopreview", "--encoding", "jpg", "--output", "-",
            "--timeout", str(int(1000 * max(settle, SETTLE))),
            "--width", str(width), "--height", str(height),
            "--mode", ":".join(map(str, mode_size(*self._sensor))),
        )  # fmt: skip
        if not jpeg:
            raise _explained(errors.decode("utf-8", "replace"))
        return jpeg

    @override
    def close(self) -> None:
        self._closed = True
        if (process := self._running) is not None:
            process.kill()
            process.wait()  # the camera is off when the process is gone

    def _run(self, limit: float, *arguments: str) -> tuple[bytes, bytes]:
        """Run the program; return what it wrote. Raises TimeoutError; it is killed then."""
        began = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - the program's own path, our own arguments
            (self._program, *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            self._running = process
            try:
                if self._closed:
                    raise DeviceError("The camera was closed.")
                return process.communicate(timeout=max(limit - time.monotonic() + began, 0.0))
            except subprocess.TimeoutExpired:
                raise TimeoutError from None
            finally:
                process.kill()


def read_list(text: str) -> Listed | None:
    """Find the first camera in what `--list-cameras` prints; None if there is none."""
    found = _LISTED.search(text)
    return Listed(found[1], int(found[2]), int(found[3])) if found else None


def _explained(errors: str) -> DeviceError:
    said = errors.lower()
    if "no cameras available" in said:
        return DeviceError("No camera is connected.", "Check its cable with the power off.")
    if "busy" in said or "acquire" in said:
        return DeviceError(
            "The camera is used by another program.",
            "Wait a moment; if it stays, end the other program.",
        )
    last = next((line for line in reversed(errors.splitlines()) if line.strip()), "no word")
    return DeviceError(
        f"{PROGRAM} delivered no picture ({last.strip()[:200]}).",
        "Check the camera's cable, then restart this device.",
    )
