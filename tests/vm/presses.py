"""Runs in the test machine as root: presses a button and tells how long the appliance took to a mark.

Called with a pin, the name of the mark, how often, and the pause after each in seconds. Prints one line: a JSON list of
seconds from the moment the line was pulled to the mark, both by the machine's monotonic clock.
"""  # noqa: E501

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

CONTROL = "/run/voice-appliance/control.sock"
PINS = Path("/sys/devices/platform/gpio-sim.0/gpiochip0")
HELD_S = 0.1
LIMIT_S = 30.0


def main() -> None:
    """Measure."""
    pin, mark, count, pause = sys.argv[1:]
    pull = PINS / f"sim_gpio{pin}" / "pull"
    control = socket.socket(socket.AF_UNIX)
    control.connect(CONTROL)
    control.settimeout(60)
    control.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with control.makefile("rb") as stream:
        events = read(stream)
        next(events)  # the model: from here on nothing is missed
        took = []
        for _ in range(int(count)):
            began = time.monotonic()
            pull.write_text("pull-down")
            time.sleep(HELD_S)
            pull.write_text("pull-up")
            took.append(told(events, mark, began + LIMIT_S) - began)
            time.sleep(float(pause))
    sys.stdout.write(json.dumps(took))


def told(events: Iterator[dict[str, Any]], mark: str, until: float) -> float:
    """Return when the mark was set."""
    for event in events:
        if event.get("name") == mark:
            return float(event["at"])
        if time.monotonic() > until:
            break
    raise SystemExit(f"a press was not answered by {mark} within {LIMIT_S:.0f} s")


def read(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield what comes as server-sent events; a heartbeat is an empty one."""
    for line in stream:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])
        elif line.startswith(b":"):
            yield {}


if __name__ == "__main__":
    main()
