"""One appliance with the world around it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from appliance.firstboot.apply import write_file
from appliance.firstboot.wifi import client_profile, security_section, ssid_value
from appliance.onboarding.model import Choice
from appliance.onboarding.program import Onboarding
from appliance.onboarding.radio import LASTING, NetworkManager
from tests.onboarding.world import FakeKeeper, FakePage, Router, World

POINTS = "k7m2p-x9w4r"  # the access point's password
HOME = Router(b"Home", "correct horse")
RIGHT = Choice(b"Home", "correct horse", country="DE")


class Stage:
    """One appliance with its surroundings."""

    def __init__(self, root: Path) -> None:
        self.world = World(root, [HOME, Router(b"Caf\xe9", signal=30)])
        self.page = FakePage(self.world)
        self.keeper = FakeKeeper()
        self.radio = NetworkManager("voice-1a2b", POINTS, root, self.world)
        self.program = Onboarding(self.radio, self.page, self.keeper)

    def know(self, name: str, ssid: bytes, password: str) -> None:
        """Have a profile from before."""
        text = client_profile(name, ssid_value(ssid), security_section(password), hidden=False)
        path = self.world.root / LASTING / f"{name}.nmconnection"
        write_file(path, text.encode(), 0o600)
        self.world.load(path)

    def left(self) -> set[str]:
        """The files that are there now, without their folders."""
        return {path.name for path in self.world.root.rglob("*") if path.is_file()}

    def nothing_is_left(self) -> bool:
        return not (self.world.point_is_up or self.page.is_open or self.world.firewall) and not {
            name for name in self.left() if "setup" in name
        }


async def meanwhile(stage: Stage, after: float, change: Callable[[World], None]) -> str:
    """Run, and change the world after so many seconds."""

    async def later() -> None:
        await asyncio.sleep(after)
        change(stage.world)

    async with asyncio.timeout(3600), asyncio.TaskGroup() as group:
        group.create_task(later())
        return await stage.program.run()
