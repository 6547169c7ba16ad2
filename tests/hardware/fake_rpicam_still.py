#!/usr/bin/env python3
"""rpicam-still as far as the appliance uses it.

In the environment: FAULT says how it fails, PICTURE what it delivers, SEEN where it writes how it
was called.
"""

import os
import signal
import sys
import time
from pathlib import Path

LISTED = """Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]
"""


def install(folder: Path) -> None:
    """Put the program there, by its name."""
    program = folder / "rpicam-still"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n')
    program.chmod(0o755)


def main() -> int:
    fault = os.environ.get("FAULT", "")
    listing = "--list-cameras" in sys.argv
    if fault == "list hangs":
        while True:
            time.sleep(3600)
    if listing:
        print("No cameras available!" if fault == "missing" else LISTED)  # noqa: T201
        return 0
    Path(os.environ["SEEN"]).write_text(" ".join(sys.argv[1:]))
    if fault == "busy":
        print("ERROR: *** failed to acquire camera /base/imx708 ***", file=sys.stderr)  # noqa: T201
        return 255
    if fault == "crash":
        return 139
    if fault == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(os.environ["SEEN"]).write_text(f"pid {os.getpid()}")
        while True:
            time.sleep(3600)
    sys.stdout.buffer.write(Path(os.environ["PICTURE"]).read_bytes())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
