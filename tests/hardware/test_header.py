"""The panel on lgpio: found, opened, lost and found again."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from appliance.config import PanelConfig
from appliance.core.gestures import Button
from appliance.core.lights import IN_CALL
from appliance.errors import DeviceError
from appliance.hardware.gpio import GpioPanel
from appliance.hardware.header import load_lgpio, open_header
from tests.hardware.fake_lgpio import FakeLgpio
from tests.hardware.gpio_kernel import Kernel
from tests.hardware.test_gpio import take

PI4 = 0xC03114  # the revision of a Raspberry Pi 4
CONFIG = PanelConfig()
PINS = (CONFIG.call_pin, CONFIG.photo_pin, CONFIG.led_pin)


@pytest.fixture
def lgpio(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> FakeLgpio:
    """A Pi 4 with lgpio."""
    fake = FakeLgpio(kernel)
    for name in ("lgpio", "gpiozero.pins.lgpio", "appliance.hardware.lg"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: PI4)
    monkeypatch.setenv("LG_WD", str(kernel.devices))
    kernel.plug("gpiochip0", "raspberrypi-exp-gpio", lines=8)
    kernel.plug("gpiochip2", "pinctrl-bcm2711")
    return fake


@pytest.fixture
def open_panel(kernel: Kernel, lgpio: FakeLgpio) -> Callable[..., GpioPanel]:
    def make(**settings: Any) -> GpioPanel:
        config = PanelConfig(**settings)
        return GpioPanel(config, lambda config: open_header(config, kernel.devices))

    return make


async def test_buttons_and_led_are_on_the_headers_chip(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    with open_panel() as panel:
        (opened,) = lgpio.open.values()
        assert opened.number == 2
        kernel.move(CONFIG.call_pin, high=False)
        kernel.move(CONFIG.call_pin, high=True)
        edges = await take(panel.edges(), 2)
        panel.show(IN_CALL)
        assert opened.lines[CONFIG.led_pin].level == 1
    assert [(edge.button, edge.pressed) for edge in edges] == [
        (Button.CALL, True), (Button.CALL, False),
    ]  # fmt: skip
    assert not lgpio.open
    assert not any(map(kernel.chips["gpiochip2"].held, PINS))


async def test_edges_have_the_kernels_time_however_late_they_are_read(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    pressed = asyncio.get_running_loop().time()
    with open_panel() as panel:
        kernel.move(CONFIG.call_pin, high=False, at=pressed - 2.0)
        kernel.move(CONFIG.call_pin, high=True, at=pressed - 1.8)
        down, up = await take(panel.edges(), 2)
    assert (down.at, up.at) == pytest.approx((pressed - 2.0, pressed - 1.8), abs=0.001)


async def test_button_that_is_down_already_is_seen(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    with open_panel(pull="none") as panel:  # no resistor: the fake line hangs low
        edges = await take(panel.edges(), 2)
    assert [(edge.pressed, edge.found) for edge in edges] == [(True, True)] * 2


async def test_line_that_goes_to_another_program_between_look_and_claim_is_named(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    frees = lgpio.gpio_free

    def taken_meanwhile(handle: int, line: int) -> None:
        frees(handle, line)
        if line == CONFIG.photo_pin:
            kernel.chips["gpiochip2"].holders[line] = "gpiomon"

    lgpio.gpio_free = taken_meanwhile  # type: ignore[method-assign]  # a race
    with pytest.raises(DeviceError) as caught:
        open_panel().open()
    assert caught.value.cause == "GPIO 27 is used by another program."
    assert not kernel.chips["gpiochip2"].held(CONFIG.call_pin)


async def test_pin_in_use_is_named_before_anything_is_opened(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    kernel.chips["gpiochip2"].holders[CONFIG.photo_pin] = "gpiomon"
    with pytest.raises(DeviceError) as caught, open_panel():
        pass
    assert "GPIO 27 (panel.photo_pin) is used by gpiomon." in caught.value.cause
    assert not lgpio.open


async def test_pin_that_is_taken_at_the_last_moment_gives_the_others_back(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    opens = lgpio.gpiochip_open

    def taken_meanwhile(number: int) -> int:
        kernel.chips["gpiochip2"].holders[CONFIG.led_pin] = "gpioset"
        return opens(number)

    lgpio.gpiochip_open = taken_meanwhile  # type: ignore[method-assign]  # a race
    panel = open_panel()
    with pytest.raises(DeviceError) as caught:
        panel.open()
    assert caught.value.cause == "GPIO 22 is used by another program."
    assert not lgpio.open
    lgpio.gpiochip_open = opens  # type: ignore[method-assign]  # it is over
    kernel.chips["gpiochip2"].holders.clear()
    with panel:
        pass


@pytest.mark.parametrize("led", ["plain", "pwm", "rgb"])
async def test_chip_that_goes_is_closed_told_and_found_again(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel], led: str
) -> None:
    panel = open_panel(led=led)
    with panel:
        panel.show(IN_CALL)
        kernel.unplug("gpiochip2")
        with pytest.raises(DeviceError, match="pins are gone"):
            await take(panel.edges(), 1)
        assert not lgpio.open
        with pytest.raises(DeviceError, match="no 40-pin header"):
            panel.open()

        kernel.plug("gpiochip5", "pinctrl-bcm2711")
        panel.open()
        (opened,) = lgpio.open.values()
        assert opened.number == 5
        assert panel.lit
        kernel.move(CONFIG.photo_pin, high=False)
        (edge,) = await take(panel.edges(), 1)
        assert edge.button is Button.PHOTO
    assert not lgpio.open


async def test_led_that_finds_the_chip_gone_is_told_once_and_the_panel_closed(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    with open_panel() as panel:
        kernel.unplug("gpiochip2")
        with pytest.raises(DeviceError, match="LED cannot be switched"):
            panel.show(IN_CALL)
        assert not lgpio.open
        with pytest.raises(DeviceError, match="LED cannot be switched"):
            await take(panel.edges(), 1)


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_open_descriptors_do_not_add_up(
    kernel: Kernel, lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel]
) -> None:
    panel = open_panel()
    with panel:
        pass
    before = open_descriptors()
    for _ in range(5):
        with panel:
            kernel.unplug("gpiochip2")
            await asyncio.sleep(0)
            with pytest.raises(DeviceError, match="gone"):
                await take(panel.edges(), 1)
        kernel.plug("gpiochip2", "pinctrl-bcm2711")
    assert open_descriptors() == before


async def test_gpiozero_that_cannot_choose_a_chip_is_told(
    lgpio: FakeLgpio, open_panel: Callable[..., GpioPanel], monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpiozero.pins.lgpio as pins  # noqa: PLC0415 - needs the fake

    make = pins.LGPIOFactory.__init__
    monkeypatch.setattr(pins.LGPIOFactory, "__init__", lambda self, chip: make(self, 0))
    with pytest.raises(DeviceError, match="cannot choose chips"):
        open_panel().open()
    assert not lgpio.open


async def test_machine_that_is_no_pi_is_told(
    kernel: Kernel, lgpio: FakeLgpio, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpiozero  # noqa: PLC0415 - as above

    def fail() -> int:
        raise gpiozero.exc.PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", fail)
    with pytest.raises(DeviceError, match="no Raspberry Pi") as caught:
        GpioPanel(CONFIG, lambda config: open_header(config, kernel.devices)).open()
    assert "keyboard" in caught.value.cure


# lgpio's working directory

LGPIO = """
import os
os.mkfifo(os.path.join(os.environ["LG_WD"], ".lgd-nfy0"))
os.chdir(os.environ["LG_WD"])
os.close(os.open(".lgd-nfy0", os.O_RDWR))
"""


def test_lgpio_finds_its_pipe_and_the_working_directory_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lgpio.py").write_text(LGPIO)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lgpio", raising=False)
    monkeypatch.delenv("LG_WD", raising=False)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    before = Path.cwd()
    load_lgpio()
    del sys.modules["lgpio"]
    assert Path.cwd() == before
    assert (tmp_path / "run" / ".lgd-nfy0").is_fifo()


def test_directory_that_cannot_be_written_to_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LG_WD", str(tmp_path / "file" / "run"))
    with pytest.raises(DeviceError, match="cannot make its pipe") as caught:
        load_lgpio()
    assert "LG_WD" in caught.value.cure


@pytest.mark.skipif(find_spec("lgpio") is not None, reason="lgpio is installed here")
def test_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_WD", str(tmp_path))
    with pytest.raises(DeviceError, match="lgpio is missing") as caught:
        load_lgpio()
    assert "python3-lgpio" in caught.value.cure


@pytest.mark.skipif(find_spec("lgpio") is None, reason="lgpio is not installed here")
def test_real_lgpio_loads_from_a_directory_that_is_not_writable(tmp_path: Path) -> None:
    code = "from appliance.hardware.header import load_lgpio as load; load(); print('loaded')"
    environ = {**os.environ, "LG_WD": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", code], cwd="/proc", env=environ, capture_output=True, check=True
    )
    assert done.stdout == b"loaded\n"
    assert done.stderr == b""
