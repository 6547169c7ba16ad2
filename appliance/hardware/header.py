"""Opens the pins of the header through gpiozero: on lgpio, or on mock pins."""

import os
from contextlib import chdir
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import gpiozero
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from appliance.config import PanelConfig, runtime_directory
from appliance.errors import DeviceError
from appliance.hardware.gpiochip import (
    DEVICES,
    LIBRARY_CURE,
    check_pins,
    find_chip,
    pins_of,
)

PinFactory: TypeAlias = Any  # gpiozero carries no types


@dataclass(frozen=True, slots=True)
class Header:
    """Open pins.

    `errors`: what the pin library raises, besides gpiozero's own and OSError. `hangup`: a
    descriptor that hangs up when the chip goes.
    """

    factory: PinFactory
    errors: tuple[type[Exception], ...] = ()
    hangup: int | None = None

    def close(self) -> None:
        """Give the pins back, whatever became of the chip. Devices on them are closed before."""
        try:
            self.factory.close()
        finally:
            if self.hangup is not None:
                os.close(self.hangup)


def mock_header(config: PanelConfig) -> Header:
    """Open pins that a program presses. They need no hardware."""
    factory = MockFactory(pin_class=MockPin if config.led == "plain" else MockPWMPin)
    return Header(factory)


def open_header(config: PanelConfig, devices: Path = DEVICES) -> Header:
    """Find the chip and open it, once every pin was seen to be there and free.

    Raises DeviceError that names what is missing or in use, and who may hold it.
    """
    chip = find_chip(config.chip, devices)
    check_pins(chip, pins_of(config))
    load_lgpio()
    lg = import_module("appliance.hardware.lg")
    try:
        hangup = os.open(chip.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            factory = lg.Factory(chip)
        except BaseException:
            os.close(hangup)
            raise
    except DeviceError:
        raise
    except gpiozero.exc.PinUnknownPi as error:
        raise DeviceError(
            "This is no Raspberry Pi.", "Set panel.driver to keyboard or none."
        ) from error
    except (gpiozero.GPIOZeroError, OSError, lg.LgpioError) as error:
        raise DeviceError(
            f"{chip.path.name} cannot be opened ({str(error)[:200]}).",
            "Look whether the user is in the group gpio.",
        ) from error
    return Header(factory, (lg.LgpioError,), hangup)


def load_lgpio() -> None:
    """Import lgpio where it can make its pipe.

    It makes the pipe in LG_WD, opens it in the working directory, and goes to LG_WD for good: both
    must be one directory that can be written to. Afterwards the working directory is as before.
    Raises DeviceError if lgpio is missing, or has no such directory.
    """
    directory = Path(os.environ.get("LG_WD") or runtime_directory()).absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with chdir(directory):
            os.environ["LG_WD"] = str(directory)
            import_module("lgpio")
    except ImportError as error:
        raise DeviceError("The library lgpio is missing.", LIBRARY_CURE) from error
    except OSError as error:
        raise DeviceError(
            f"lgpio cannot make its pipe in {directory} ({error.strerror}).",
            "Set LG_WD to a directory that can be written to, such as the runtime directory.",
        ) from error
