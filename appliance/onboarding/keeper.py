"""The port `Keeper`: country and API key go where the first boot puts them."""

import asyncio
import logging
from pathlib import Path

from typing_extensions import override

from appliance.firstboot.apply import Runner, StepError, apply_step, run_command
from appliance.firstboot.facts import read_facts
from appliance.firstboot.plan import KEY_FILE
from appliance.firstboot.steps import Run, Step, WriteFile
from appliance.firstboot.wifi import country_step
from appliance.onboarding.model import Choice
from appliance.onboarding.ports import Keeper

# The service gets its key from systemd when it starts (LoadCredential=).
RESTART = Run(("systemctl", "--no-block", "try-restart", "voice-appliance.service"))

log = logging.getLogger(__name__)


class Settings(Keeper):
    """`root`: where the system's files are."""

    def __init__(self, root: Path = Path("/"), runner: Runner = run_command) -> None:
        self._root = root
        self._runner = runner

    @override
    async def keep(self, choice: Choice) -> None:
        await asyncio.to_thread(self._keep, choice)

    def _keep(self, choice: Choice) -> None:
        steps = list[Step]()
        if choice.country:
            steps.append(country_step(choice.country, read_facts(self._root)))
        if choice.api_key:
            key = WriteFile(KEY_FILE, choice.api_key + "\n", 0o600)
            steps.append(Step("API key", "API key", (key, RESTART)))
        for step in steps:
            try:
                apply_step(step, self._root, self._runner)
            except StepError as error:
                log.warning("%s: %s", step.name, error)
            else:
                log.info("Kept: %s.", step.told)
