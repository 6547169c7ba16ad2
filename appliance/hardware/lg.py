"""gpiozero's pins on lgpio, which can be closed though their chip is gone.

Import it after `header.load_lgpio`: lgpio has to be loaded with care.
"""

import ctypes
from contextlib import suppress
from typing import Any

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
from typing_extensions import override

from appliance.errors import DeviceError
from appliance.hardware.gpiochip import CONSUMER, Chip
from appliance.hardware.line import InputLine

LgpioError = lgpio.error


class Pin(LGPIOPin):  # type: ignore[misc]  # gpiozero carries no types
    """A pin of a chip that may go. While it has a handler the line is ours, and not lgpio's."""

    def __init__(self, factory: "Factory", info: Any) -> None:  # noqa: ANN401 - as above
        self._line: InputLine | None = None
        super().__init__(factory, info)

    @override
    def close(self) -> None:
        if self.factory._handle is None:  # noqa: SLF001
            return  # closed with its chip
        with suppress(LgpioError):
            self.when_changed = None
            super().close()

    @override
    def _get_state(self) -> Any:
        return super()._get_state() if self._line is None else self._line.high

    @override
    def _enable_event_detect(self) -> None:
        factory, number = self.factory, self._number
        pull = self.pull
        lgpio.gpio_free(factory._handle, number)  # noqa: SLF001
        self._line = InputLine(factory.path, number, pull, self._moved)

    @override
    def _disable_event_detect(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()
            lgpio.gpio_claim_input(self.factory._handle, self._number)  # noqa: SLF001

    def _moved(self, at: int, high: bool) -> None:
        self._call_when_changed(self.factory.chip, self._number, high, at)


class Factory(LGPIOFactory):  # type: ignore[misc]  # gpiozero carries no types
    """The pins of one chip, under our name. Raises DeviceError, and what gpiozero raises."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip=chip.number)
        self.path = chip.path
        self.pin_class = Pin
        try:
            _ = self.board_info  # which pins there are; raises if this is no Pi
        except BaseException:
            self.close()
            raise
        if self.chip != chip.number:  # before gpiozero 2.0.1.post3
            self.close()
            raise DeviceError("This gpiozero cannot choose chips.", "Install 2.0.1.post3 or later.")
        with suppress(AttributeError, OSError):  # Python's lgpio has no word for it, liblgpio has
            library = ctypes.CDLL(lgpio._lgpio.__file__)  # noqa: SLF001
            library.lgGpioSetUser(self._handle, CONSUMER.encode())

    @override
    def close(self) -> None:
        """Close the chip."""
        super().close()
        self._reservations.clear()  # also those of a device that could not be made
