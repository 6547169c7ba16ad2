"""Runs in the test machine as root: turns the volume by one again and again, and writes down what was acknowledged.

Called with the percentage to begin at and a file of the host's, which outlives a power cut.
"""  # noqa: E501

import http.client
import json
import os
import socket
import sys

CONTROL = "/run/voice-appliance/control.sock"
LOUDEST = 100


class Control(http.client.HTTPConnection):
    """A connection to the appliance's socket."""

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(CONTROL)


def main() -> None:
    """Turn it until the power goes."""
    percent = int(sys.argv[1])
    told = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT, 0o600)
    while True:
        percent = percent % LOUDEST + 1
        control = Control("localhost")
        control.request("POST", "/api/volume", json.dumps({"percent": percent}))
        answer = control.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(answer.read().decode())
        answer.read()
        control.close()
        os.pwrite(told, f"{percent:3}".encode(), 0)
        os.fsync(told)


if __name__ == "__main__":
    main()
