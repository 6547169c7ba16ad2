"""Runs in the test machine as root: has the service take a photo, and watches its camera and the light meanwhile.

Called with the service's process and the file that tells the LED's line. Prints a line of JSON: the command's `status` and
what it `told`, for how many seconds the camera was `open`, and how many it was so in the `dark` at a stretch.
"""  # noqa: E501

import json
import subprocess
import sys
import time
from pathlib import Path

PAUSE = 0.01  # s between two looks; the one processor has to take the photo too


def main() -> None:
    """Ask for the photo, and look until the camera is closed."""
    service, light = Path("/proc", sys.argv[1], "fd"), Path(sys.argv[2])
    command = ["voice-appliance", "photo"]
    asked = subprocess.Popen(  # noqa: S603 - fixed words
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    opened = dark = stretch = 0.0
    last = time.monotonic()
    while asked.poll() is None or is_open(service):
        lit, is_taken = is_lit(light), is_open(service)
        now = time.monotonic()
        opened += (now - last) * is_taken
        stretch = stretch + now - last if is_taken and not lit else 0.0
        dark = max(dark, stretch)
        last = now
        time.sleep(PAUSE)
    told, _ = asked.communicate()
    json.dump({"status": asked.returncode, "told": told, "open": opened, "dark": dark}, sys.stdout)


def is_lit(light: Path) -> bool:
    """Whether the LED's line is up."""
    return light.read_text().strip() == "1"


def is_open(files: Path) -> bool:
    """Whether one of these open files is a camera."""
    return any(points_to_camera(each) for each in files.iterdir())


def points_to_camera(file: Path) -> bool:
    """Whether an open file is a camera's; not if it was closed a moment ago."""
    try:
        return str(file.readlink()).startswith(("/dev/video", "/dev/v4l-subdev"))
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main()
