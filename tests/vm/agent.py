"""Runs in the test machine as root: takes commands from the serial line, one at a time, and answers on it.

A request is a line of JSON, `{"shell": text, "timeout": seconds}`; the answer `{"status": int, "told": text}`. A command
that outlasts its time has status 124 and its children are ended. `{"ask": path}` asks the appliance's control socket, as
its command line does, without the second that starting a command line takes here.
"""  # noqa: E501

import http.client
import json
import os
import signal
import socket
import subprocess
import termios
from pathlib import Path

LINE = "/dev/ttyS0"
CONTROL = "/run/voice-appliance/control.sock"
HERE = Path(__file__).resolve().parent  # the host's folder
ANSWER = "@answer "  # systemd may write to the line too


def main() -> None:
    """Serve until the machine stops."""
    line = os.open(LINE, os.O_RDWR | os.O_NOCTTY)
    mode = termios.tcgetattr(line)
    mode[0] = mode[1] = mode[3] = 0
    termios.tcsetattr(line, termios.TCSANOW, mode)
    answer(line, {"uptime": float(Path("/proc/uptime").read_text().split()[0])})
    with os.fdopen(line, "rb", buffering=0, closefd=False) as requests:
        pending = b""
        while chunk := requests.read(4096):
            *lines, pending = (pending + chunk).split(b"\n")
            for each in lines:
                request = json.loads(each)
                answer(line, ask(request["ask"]) if "ask" in request else run(**request))


def run(shell: str, timeout: float) -> dict[str, object]:
    """Run a shell command; its output, both streams in their order."""
    process = subprocess.Popen(  # noqa: S602 - this is what the agent is for
        shell, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,  # noqa: E501
        cwd="/root", start_new_session=True, env=os.environ | {"HOME": "/root", "LC_ALL": "C.UTF-8"},  # noqa: E501
    )  # fmt: skip
    try:
        told, _ = process.communicate(timeout=timeout)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        told, _ = process.communicate()
        status = 124
    return {"status": status, "told": told.decode(errors="replace")}


class Control(http.client.HTTPConnection):
    """A connection to the appliance's socket."""

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(CONTROL)


def ask(path: str) -> dict[str, object]:
    """Ask the appliance; status 0 when nobody answers."""
    try:
        control = Control("localhost", timeout=10)
        control.request("GET", path)
        got = control.getresponse()
        return {"status": got.status, "told": got.read().decode()}
    except OSError as error:
        return {"status": 0, "told": str(error)}


def answer(line: int, what: dict[str, object]) -> None:
    """Write all of a line; the serial line takes a little at a time."""
    rest = f"{ANSWER}{json.dumps(what)}\n".encode()
    while rest:
        rest = rest[os.write(line, rest) :]


if __name__ == "__main__":
    main()
