"""What setting up needs of the world."""

from collections.abc import Sequence
from typing import Protocol

from appliance.onboarding.model import Choice, Network, Notice, Rescan, Sight, Verdict


class Radio(Protocol):
    """The machine's networks. Every method raises OnboardingError if nothing can be done at all."""

    async def look(self) -> Sight:
        """Return how the machine is connected."""
        ...

    async def scan(self) -> tuple[Network, ...]:
        """Return the networks that are heard, the strongest first; takes up to 30 s."""
        ...

    async def open_point(self) -> bool:
        """Put the access point up. Return whether it is; takes up to 30 s."""
        ...

    async def close_point(self) -> None:
        """Take the point down and leave nothing of it; nothing happens if there is none."""
        ...

    async def occupied(self) -> bool:
        """Return whether somebody is on our network."""
        ...

    async def join(self, choice: Choice) -> Verdict:
        """Try a network, and keep it if it works; takes up to 90 s. The point is down."""
        ...


class Page(Protocol):
    """What a person sees on our network."""

    async def open(self, networks: Sequence[Network], notice: Notice | None) -> bool:
        """Serve the page. Return whether that works."""
        ...

    async def close(self) -> None:
        """Serve nothing any more; nothing happens if nothing is served."""
        ...

    async def wish(self, limit: float) -> Choice | Rescan | None:
        """Return what somebody sends within `limit` seconds, when it has been answered."""
        ...

    def used(self) -> bool:
        """Return whether somebody asked for the page since the last call of this."""
        ...


class Keeper(Protocol):
    """Where settings other than the network go."""

    async def keep(self, choice: Choice) -> None:
        """Put country and API key where they belong. What cannot be written is told in the log."""
        ...
