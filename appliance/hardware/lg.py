"""gpiozero's pins on lgpio, which can be closed though their chip is gone.

Import it after `header.load_lgpio`: lgpio has to be loaded with care.
"""

import ctypes
from contextlib import suppress

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
from typing_extensions import override

from appliance.errors import DeviceError
from appliance.hardware.gpiochip import CONSUMER

LgpioError = lgpio.error


class Pin(LGPIOPin):  # type: ignore[misc]  # gpiozero carries no types
    """A pin of a chip that may go."""

    @override
    def close(self) -> None:
        if self.factory._handle is None:  # noqa: SLF001
            return  # closed with its chip
        with suppress(LgpioError):
            self.when_changed = None  # else lgpio's thread calls a pin that is no more, and dies
        with suppress(LgpioError):
            super().close()


class Factory(LGPIOFactory):  # type: ignore[misc]  # gpiozero carries no types
    """The pins of one chip, under our name. Raises DeviceError, and what gpiozero raises."""

    def __init__(self, chip: int) -> None:
        """`chip`: its number."""
        super().__init__(chip=chip)
        self.pin_class = Pin
        try:
            _ = self.board_info  # which pins there are; raises if this is no Pi
        except BaseException:
            self.close()
            raise
        if self.chip != chip:  # before gpiozero 2.0.1.post3
            self.close()
            raise DeviceError("This gpiozero cannot choose chips.", "Install 2.0.1.post3 or later.")
        with suppress(AttributeError, OSError):  # Python's lgpio has no word for it, liblgpio has
            library = ctypes.CDLL(lgpio._lgpio.__file__)  # noqa: SLF001
            library.lgGpioSetUser(self._handle, CONSUMER.encode())

    @override
    def close(self) -> None:
        """Close the chip. Until then lgpio's thread reads from one that is gone, and complains."""
        super().close()
        self._reservations.clear()  # also those of a device that could not be made
