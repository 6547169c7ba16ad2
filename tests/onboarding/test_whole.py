"""A phone sets the appliance up: real page, real requests, a NetworkManager that behaves."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from appliance.onboarding import __main__ as program_main
from appliance.onboarding import machine, program
from appliance.onboarding.command import MISSING, run_command
from appliance.onboarding.keeper import Settings
from appliance.onboarding.password import STATE
from appliance.onboarding.program import Onboarding
from appliance.onboarding.radio import NetworkManager
from appliance.onboarding.server import SetUpPage
from appliance.processes import LATE
from tests.firstboot.device import API_KEY, KEY, Device
from tests.onboarding.conftest import SETTING
from tests.onboarding.html import Document
from tests.onboarding.world import Router, World

pytestmark = pytest.mark.usefixtures("own_logging")  # the program sets it up


async def test_a_phone_sets_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "GRACE", 0.0)
    monkeypatch.setattr(program, "FAREWELL", 0.05)
    device = Device(tmp_path)
    world = World(device.root, [Router(b"Home", "correct horse")], joining=0.01)
    page = SetUpPage(SETTING, "127.0.0.1", 0)
    radio = NetworkManager("voice-1a2b", "k7m2p-x9w4r", device.root, world)
    whole = Onboarding(radio, page, Settings(device.root, device.system))
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as phone:
        task = group.create_task(whole.run())
        for password, said in (("wrong horse", ""), ("correct horse", "did not accept")):
            text = await arrive(page, phone, said or "Set up the voice appliance")
            form = {
                "token": Document(text).all("input", name="token")[0]["value"],
                "network": Document(text).all("input", type="radio")[0]["value"],
                "password": password, "country": "DE", "api_key": KEY, "name": "",
            }  # fmt: skip
            async with phone.post(f"{page.origin}/", data=form) as response:
                assert response.status == 200
    assert task.result() == "The network that was chosen is joined."
    assert device.text(API_KEY) == KEY + "\n"
    assert world.active == "voice-appliance-trial"
    assert not world.firewall


async def arrive(page: SetUpPage, phone: aiohttp.ClientSession, said: str) -> str:
    """Ask for a page that says this, until it is there."""
    async with asyncio.timeout(10):
        while True:
            try:
                async with phone.get("http://captive.apple.com/", proxy=page.origin) as response:
                    if said in (text := await response.text()):
                        return text
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)


def test_only_root_may(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert program_main.main([]) == 1
    assert "only root" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["--tel"], ["--tell", "me"]])
def test_a_wrong_word_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert program_main.main(words, tmp_path) == 2
    assert "--tell" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_telling_writes_the_card_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    device = Device(tmp_path)
    assert program_main.main(["--tell"], device.root) == 0
    assert device.text(STATE).strip() in device.result


def test_a_card_that_fails_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    device = Device(tmp_path)
    (device.root / "var").write_text("in the way")
    assert program_main.main(["--tell"], device.root) == 1
    assert "The card could not be read or written" in capsys.readouterr().err


async def test_a_command_is_bounded_and_does_not_outlive_its_caller() -> None:
    assert (await run_command(("no-such-program",), 5.0)).code == MISSING
    assert (await run_command(("sleep", "60"), 0.05)).code == LATE
    done = await run_command(("sh", "-c", "echo out; echo err >&2; exit 4"), 5.0)
    assert done == (4, "out\n", "err\n")


async def test_a_command_knows_no_variable_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    done = await run_command((sys.executable, "-c", "import os; print(dict(os.environ))"), 10.0)
    assert KEY not in done.out
    assert "C.UTF-8" in done.out
