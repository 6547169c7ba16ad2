"""Does what the machine orders."""

import asyncio
import logging
from dataclasses import dataclass

from appliance.onboarding import machine
from appliance.onboarding.machine import (
    Answer,
    Attend,
    Attended,
    Close,
    Closed,
    End,
    Join,
    Joined,
    Look,
    Open,
    Opened,
    Order,
    Scan,
    Scanned,
    Seen,
)
from appliance.onboarding.ports import Keeper, Page, Radio

FAREWELL = 3.0  # s in which the answer to a form reaches the phone, before its network goes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The whole of setting up, from the start of the machine until it has a network."""

    radio: Radio
    page: Page
    keeper: Keeper

    async def run(self) -> str:
        """Return, when there is nothing left to do, why, in a sentence.

        However it ends, also by being cancelled, the access point is down then.
        Raises OnboardingError.
        """
        clock = asyncio.get_running_loop().time
        try:
            await self._down()  # a process before this one may have been killed
            model, order = machine.begin(clock())
            while not isinstance(order, End):
                answer = await self._do(order)
                model, order = machine.step(model, answer, clock())
        finally:
            await self._down()
        return order.words

    async def _do(self, order: Order) -> Answer:
        match order:
            case Look(after):
                await asyncio.sleep(after)
                return Seen(await self.radio.look())
            case Scan():
                return Scanned(await self.radio.scan(), await self.radio.look())
            case Open():
                return await self._open(order)
            case Attend(limit):
                company = self.page.used() or await self.radio.occupied()
                sight = await self.radio.look()
                # Last: a form that comes before the point makes way is read, or it is not accepted.
                if wish := await self.page.wish(limit):
                    await asyncio.sleep(FAREWELL)
                return Attended(sight, company, wish)
            case Join(choice):
                await self._down()
                await self.keeper.keep(choice)
                verdict = await self.radio.join(choice)
                log.info("Tried the chosen network: %s.", verdict.value)
                return Joined(choice, verdict)
            case Close():
                await self._down()
                return Closed()
            case End():
                raise AssertionError(order)  # nothing to do

    async def _open(self, order: Open) -> Opened:
        well = await self.radio.open_point() and await self.page.open(order.networks, order.notice)
        if well:
            log.info("The access point is up, with %d networks to choose.", len(order.networks))
        else:
            await self._down()
            log.warning("The access point did not come up. It is tried again.")
        return Opened(well)

    async def _down(self) -> None:
        await self.page.close()
        await self.radio.close_point()
