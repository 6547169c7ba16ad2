"""Safe mode, in this process and as the end of a row of failing ones."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.config import Config, PanelConfig
from appliance.control import connect
from appliance.core.gestures import Button
from appliance.core.lights import NEEDS_YOU, REFUSED
from appliance.core.model import Model, Problem, SafeMode
from appliance.doctor.contract import Found
from appliance.doctor.software import daemon
from appliance.errors import RefusedError
from appliance.hardware.gpio import GpioPanel
from appliance.hub import Hub
from appliance.ports import Panel
from appliance.safe import serve_safely
from appliance.starts import FILE, LIMIT
from appliance.supervisor import Supervisor
from tests.commands import command, environment, run
from tests.notified import NotifySocket

MOCK = PanelConfig(driver="gpio-mock")
WHY = Problem("device", "Safe mode: it failed to start five times. Last: It broke.", "Mend it.")
WRONG = "[panel]\ncall_pin = seventeen\n"
RIGHT = '[panel]\ndriver = "none"\n[audio]\ndriver = "file"\n'


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Path:
    """The runtime directory of the appliance in this process."""
    directory = tmp_path / "run"
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(directory))
    return directory


@asynccontextmanager
async def in_safe_mode(panel: Panel) -> AsyncIterator["asyncio.Task[None]"]:
    """Safe mode in this process, ended by a signal if it has not ended by itself."""
    async with asyncio.TaskGroup() as tasks:
        yield tasks.create_task(serve_safely(Config(panel=MOCK), WHY, panel))


async def test_socket_tells_why_and_every_wish_is_refused(
    runtime: Path, systemd: NotifySocket
) -> None:
    panel = GpioPanel(MOCK)
    async with asyncio.timeout(10), in_safe_mode(panel), connect(runtime) as control:
        await systemd.wait_for("READY=1")
        status = await control.status()
        assert status.model.phase == "safe-mode"
        assert status.model.sentence == f"Needs you: {WHY.cause} {WHY.cure}"
        assert panel.pattern is NEEDS_YOU
        for asked in (control.call, control.selftest):
            with pytest.raises(RefusedError) as refused:
                await asked()
            assert (refused.value.cause, refused.value.cure) == (WHY.cause, WHY.cure)
        with pytest.raises(RefusedError, match="Nothing is done in safe mode"):
            await control.photo()
        assert panel.pattern is REFUSED
        for model in (await control.hang_up(), await control.say("hello"), await control.mute()):
            assert (model.phase, model.muted, model.calls_made) == ("safe-mode", False, 0)
        assert await control.transcript() == []
        found = await daemon()
        assert isinstance(found, Found)
        assert found.verdict == "fail"
        assert "Safe mode" in found.sentence
        assert "It broke" in found.sentence
        os.kill(os.getpid(), signal.SIGTERM)
    assert f"STATUS=Needs you: {WHY.cause} {WHY.cure}" in systemd.lines


@pytest.mark.looptime
async def test_held_call_button_leaves_after_five_seconds(
    runtime: Path, systemd: NotifySocket
) -> None:
    loop = asyncio.get_running_loop()
    panel = GpioPanel(MOCK)
    async with in_safe_mode(panel) as mode:
        await systemd.wait_for("READY=1")  # the panel was opened before
        began = loop.time()
        panel.press(Button.CALL)
        await mode
    assert loop.time() - began == pytest.approx(5.0, abs=0.1)


@pytest.mark.looptime
async def test_it_ends_by_itself_after_an_hour() -> None:
    loop = asyncio.get_running_loop()
    hub, began = Hub(), loop.time()
    await Supervisor(None, None, hub.publish, model=Model(SafeMode(WHY))).run()  # type: ignore[arg-type]  # asked for nothing
    assert loop.time() - began == pytest.approx(3600, abs=0.1)


async def test_panel_that_cannot_even_be_loaded_keeps_nothing_from_working(
    runtime: Path, systemd: NotifySocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "appliance.drivers", None)  # importing it fails
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(serve_safely(Config(), WHY))
        await systemd.wait_for("READY=1")
        async with connect(runtime) as control:
            assert (await control.status()).model.phase == "safe-mode"
        os.kill(os.getpid(), signal.SIGTERM)


def test_it_loads_nothing_that_calls_or_records() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import appliance.safe, sys; print(*sys.modules)"],
        check=True, capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "appliance.safe" in loaded
    heavy = {"aiortc", "av", "numpy", "pyaudio", "gpiozero", "picamera2", "websockets"}
    own = {f"appliance.{name}" for name in ("call", "media", "tools", "drivers", "credentials")}
    assert loaded & (heavy | own) == set()


# The whole process, started again and again as systemd would


async def fail_to_start(runtime: Path, notify: Path, *arguments: str, code: int) -> str:
    """Start as often as it takes, and return the last words of a start."""
    said = ""
    for _ in range(LIMIT):
        ran = await run(*arguments, runtime=runtime, NOTIFY_SOCKET=str(notify))
        assert ran.code == code, ran.err
        said = ran.err
    return said


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_wrong_setting_ends_in_safe_mode_until_it_is_right(
    tmp_path: Path, systemd: NotifySocket
) -> None:
    runtime, file = tmp_path / "run", tmp_path / "config.toml"
    file.write_text(WRONG)
    arguments = ("run", "--config", str(file))
    said = await fail_to_start(runtime, systemd.path, *arguments, code=78)
    assert str(file) in said
    assert systemd.read() == [], "none of them was ready"

    async with command(*arguments, runtime=runtime, NOTIFY_SOCKET=str(systemd.path)) as process:
        await systemd.wait_for("READY=1")
        told = await run("status", runtime=runtime)
        assert told.out.startswith("Needs you: Safe mode: it failed to start five times. Last: ")
        assert f"{file} is not valid TOML: Invalid value (at line 2, column 12)." in told.out
        assert "Hold the call button for five seconds" in told.out
        assert (await run("call", runtime=runtime)).code == 1
        process.terminate()
        assert await process.wait() == 0

    file.write_text(RIGHT)
    systemd.lines.clear()
    async with command(*arguments, runtime=runtime, NOTIFY_SOCKET=str(systemd.path)) as process:
        await systemd.wait_for("STATUS=Ready: press the call button.")
        process.terminate()
        assert await process.wait() == 0


# A bug that breaks every usual start, and a panel that prints its light and is pressed by SIGUSR1.
BROKEN = """
import asyncio, signal
import appliance.app
from appliance.core.gestures import Button
from appliance.hardware import gpio

async def serve(config, start):
    raise RuntimeError("private words")

class Panel(gpio.GpioPanel):
    def open(self):
        super().open()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.press, Button.CALL)
    def show(self, pattern):
        super().show(pattern)
        print(pattern.name, flush=True)

appliance.app.serve = serve
gpio.GpioPanel = Panel
from appliance.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_bug_at_start_ends_in_safe_mode_that_the_button_leaves(
    tmp_path: Path, systemd: NotifySocket
) -> None:
    runtime, file = tmp_path / "run", tmp_path / "config.toml"
    file.write_text('[panel]\ndriver = "gpio-mock"\n')

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", BROKEN, "run", "--config", str(file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(runtime, NOTIFY_SOCKET=str(systemd.path)),
        )  # fmt: skip

    for _ in range(LIMIT):
        _out, err = await (await start()).communicate()
        assert b"RuntimeError" in err
    process = await start()
    try:
        await systemd.wait_for("READY=1")
        async with connect(runtime) as control:
            sentence = (await control.status()).model.sentence
        assert "Something broke inside the appliance (RuntimeError)." in sentence
        assert "private" not in sentence
        process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(15):
            out, _err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert out.decode().split("\n")[:5] == ["dark", "needs you", "refused", "needs you", "dark"]
    assert not (runtime / FILE).exists(), "it counts anew"
