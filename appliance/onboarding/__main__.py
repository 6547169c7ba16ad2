"""What the unit runs, as root: `/usr/lib/voice-appliance/onboarding`."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.firstboot.facts import own_host, read_facts
from appliance.firstboot.wifi import REGULATION
from appliance.log import configure
from appliance.onboarding.errors import OnboardingError
from appliance.onboarding.keeper import Settings
from appliance.onboarding.pages import Setting
from appliance.onboarding.password import own_password, tell
from appliance.onboarding.program import Onboarding
from appliance.onboarding.radio import NetworkManager
from appliance.onboarding.server import SetUpPage

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None, root: Path = Path("/")) -> int:
    """Wait for a network, or set one up; return the exit status.

    With `--tell`: write the access point's password to the boot partition, and no more.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words not in ([], ["--tell"]):
        sys.stderr.write(
            "It knows no word but --tell. It changes the network; see deploy/README.md.\n"
        )
        return 2
    if os.geteuid() != 0:
        sys.stderr.write("This changes the network, so only root may do it. Run it with sudo.\n")
        return 1
    configure("info")
    try:
        if words:
            tell(root)
        else:
            log.info("%s", asyncio.run(_run(root)))
    except OnboardingError as error:
        log.error("%s", error)  # noqa: TRY400 - it says all
        return 1
    except OSError as error:
        log.error("The card could not be read or written (%s).", error.strerror)  # noqa: TRY400
        return 1
    return 0


async def _run(root: Path) -> str:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - this is one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        facts = await asyncio.to_thread(read_facts, root)
        host = own_host(root)
        radio = NetworkManager(host, await asyncio.to_thread(own_password, root), root)
        page = SetUpPage(Setting(host, facts.countries, _country(root), facts.has_key))
        return await Onboarding(radio, page, Settings(root)).run()
    except asyncio.CancelledError:
        return "Stopped."


def _country(root: Path) -> str:
    """Return the country that was given before, or nothing."""
    with contextlib.suppress(OSError):
        text = (root / REGULATION.lstrip("/")).read_text()
        if found := re.search(r"ieee80211_regdom=([A-Z]{2})\b", text):
            return found[1]
    return ""


if __name__ == "__main__":
    sys.exit(main())
