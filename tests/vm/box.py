"""The appliance in the test machine, as a person has it before them: two buttons, a light, a command line."""  # noqa: E501

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from tests.vm.machine import Machine

CALL, PHOTO, LIGHT = 17, 27, 22  # the pins that the configuration has when nothing is set
PINS = "/sys/devices/platform/gpio-sim.0/gpiochip0"
PAUSE = 0.2  # s between two questions: each takes sound from the one processor there is
# The smallest blocks are not for one emulated processor with a hundred ticks a second.
SETTINGS = "[audio]\nblock_ms = 40\n"
KEY_FILE = "/etc/voice-appliance/openai_api_key"
KEY = "sk-test-only-in-the-machine"


class Box:
    """A configured appliance in a running machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def set_up(self, base_url: str, settings: str = SETTINGS, key: str = KEY) -> None:
        """Write settings and key as a person does, and restart the service."""
        text = f'[service]\nbase_url = "{base_url}"\n{settings}'
        self.machine.run(
            "mkdir -p /etc/voice-appliance/config.d"
            f" && printf '%s' '{text}' >/etc/voice-appliance/config.d/test.toml"
            f" && printf '%s' '{key}' | install -m 600 /dev/stdin {KEY_FILE}"
        )
        self.restart()

    def restart(self) -> None:
        """Restart the service; it is ready afterwards."""
        self.machine.run("systemctl restart voice-appliance", timeout=90)

    def hold(self, pin: int) -> None:
        """Press a button and keep it pressed."""
        self.machine.run(f"echo pull-down >{PINS}/sim_gpio{pin}/pull")

    def release(self, pin: int) -> None:
        """Let a button go."""
        self.machine.run(f"echo pull-up >{PINS}/sim_gpio{pin}/pull")

    def press(self, pin: int, seconds: float = 0.3) -> None:
        """Press a button and let it go."""
        path = f"{PINS}/sim_gpio{pin}/pull"
        self.machine.run(f"echo pull-down >{path}; sleep {seconds}; echo pull-up >{path}")

    def until_light(self, lit: bool, limit: float = 10.0) -> None:
        """Wait until the LED is lit, or dark."""
        self.machine.until(f"grep -q {int(lit)} {PINS}/sim_gpio{LIGHT}/value", limit)

    def status(self) -> dict[str, Any]:
        """What `voice-appliance status --json` tells; empty when no service answers."""
        answer = self.machine.ask("/api/status")
        told: dict[str, Any] = json.loads(answer.told) if answer.status == HTTPStatus.OK else {}
        return told

    def until(
        self, holds: Callable[[dict[str, Any]], bool], what: str, limit: float = 60.0
    ) -> dict[str, Any]:
        """Ask for the status until something holds in it; that status."""
        end = time.monotonic() + limit
        while not (status := self.status()) or not holds(status):
            assert time.monotonic() < end, (
                f"not {what} within {limit:.0f} s: {status}\n{self.machine.journal()}"
            )
            time.sleep(PAUSE)
        return status

    def until_phase(self, phase: str, limit: float = 60.0) -> dict[str, Any]:
        """Wait for a phase; the status then."""
        return self.until(lambda status: status["model"]["phase"] == phase, phase, limit)

    def transcript(self) -> str:
        """What was said, both sides and what tools did."""
        lines = json.loads(self.machine.ask("/api/transcript").told)
        return "\n".join(str(line["text"]) for line in lines)

    def until_said(self, words: str, limit: float = 60.0, times: int = 1) -> str:
        """Wait until the transcript has these words so often; all of it then."""
        end = time.monotonic() + limit
        while (told := self.transcript()).count(words) < times:
            assert time.monotonic() < end, (
                f"{words!r} was not said within {limit:.0f} s:\n{told}\n{self.machine.journal()}"
            )
            time.sleep(PAUSE)
        return told

    def ready_after(self) -> float:
        """How long the last start took to READY, in seconds of the machine's own clock."""
        names = ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        began, ready = (
            int(self.machine.run(f"systemctl show -P {name} voice-appliance")) for name in names
        )
        return (ready - began) / 1e6
