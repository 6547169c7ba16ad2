"""Shows the model on the LED, and stays lit while anything records: dark means no capture."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appliance.core.lights import DARK, RECORDING, Pattern, pattern_for
from appliance.core.model import Model
from appliance.errors import DeviceError

log = logging.getLogger(__name__)


class Lamp:
    """Joins what the model wants shown with what really records (`ports.CaptureLatch`).

    Loop thread only. `show` gets a pattern only when it changes, and must not block.
    """

    def __init__(self, show: Callable[[Pattern], None]) -> None:
        """`show`: the panel's. It is told once here that nothing is lit."""
        self._show = show
        self._wanted = DARK
        self._shown: Pattern | None = DARK  # None: it failed, so nobody knows
        self._held: list[str] = []
        show(DARK)

    @property
    def held(self) -> tuple[str, ...]:
        """What records now, oldest first."""
        return tuple(self._held)

    def view(self, model: Model) -> None:
        """Show this model from now on; a light that cannot be switched is logged."""
        self._wanted = pattern_for(model)
        self._try_to_refresh()

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        """Light up before, and let go after, `what` ("microphone", "camera") is open.

        If the LED cannot be driven, entering raises what the panel raised: nothing may record then.
        """
        self._held.append(what)
        try:
            self._refresh()
            yield
        finally:
            self._held.remove(what)
            self._try_to_refresh()

    def _try_to_refresh(self) -> None:
        try:
            self._refresh()
        except DeviceError as error:
            log.warning("%s", error)

    def _refresh(self) -> None:
        pattern = self._wanted
        if self._held and not pattern.never_dark:
            pattern = RECORDING
        if pattern != self._shown:
            self._shown = None
            self._show(pattern)
            self._shown = pattern
