"""The doctor: what each check finds in a machine that is well, odd or broken."""

import asyncio
import json
import re
import socket
import sys
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from appliance import doctor
from appliance.config import AudioConfig, Config, load
from appliance.doctor import Check, Doctor, examine, look
from appliance.errors import (
    AuthError,
    ConfigError,
    DeviceError,
    QuotaError,
    ServiceError,
    UnreachableError,
)
from appliance.hardware import gpiochip
from tests.console.stage import stage
from tests.hardware.gpio_kernel import Kernel

KEY = "sk-test-canary-0123456789"
MODELS = {"data": [{"id": "gpt-realtime-2.1", "object": "model"}]}


@dataclass
class Service:
    """A service whose GET /v1/models answers as it is told."""

    url: str = ""
    status: int = 200
    body: bytes = json.dumps(MODELS).encode()
    seen_key: str = ""

    async def models(self, request: web.Request) -> web.Response:
        self.seen_key = request.headers["Authorization"]
        return web.Response(status=self.status, body=self.body, headers={"Location": "/elsewhere"})


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    app = web.Application()
    app.router.add_get("/v1/models", made.models)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/v1"))
        yield made


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "to" / "come"))


def settings(*overrides: str) -> Config:
    return load(Path("/dev/null"), overrides, "desktop").config


async def test_service_that_takes_the_key_is_ok(service: Service) -> None:
    found = await Doctor(settings(f"service.base_url={service.url}")).service()

    assert "answers and offers gpt-realtime-2.1" in found
    assert service.seen_key == f"Bearer {KEY}"


async def test_model_that_the_service_does_not_list_is_mentioned(service: Service) -> None:
    config = settings(f"service.base_url={service.url}", "service.model=gpt-odd")

    assert "does not list gpt-odd" in await Doctor(config).service()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, b'{"error": {"code": "invalid_api_key"}}', AuthError, "refuses the API key"),
        (429, b'{"error": {"code": "insufficient_quota"}}', QuotaError, "quota"),
        (302, b"", UnreachableError, "redirect"),
        (200, b"<html><body>Welcome to Hotel WiFi", UnreachableError, "sign-in page"),
        (200, b"\xff{}", UnreachableError, "not the Realtime service"),
        (200, b"{}", UnreachableError, "not the Realtime service"),
    ],
)
async def test_service_that_does_not_work_is_explained(
    service: Service, status: int, body: bytes, kind: type[ServiceError], words: str
) -> None:
    service.status, service.body = status, body

    with pytest.raises(kind, match=words):
        await Doctor(settings(f"service.base_url={service.url}")).service()


async def test_sign_in_page_without_end_is_cut(service: Service) -> None:
    service.body = b"<html>" + b"x" * (2 * doctor.BODY_LIMIT)

    with pytest.raises(UnreachableError):
        await Doctor(settings(f"service.base_url={service.url}")).service()


async def test_service_that_is_not_there_is_explained() -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(UnreachableError, match="Nothing answers"):
            await Doctor(settings(f"service.base_url={url}")).service()


async def test_silent_service_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SERVICE_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(UnreachableError, match="does not answer in time"):
            await Doctor(settings(f"service.base_url={url}")).service()


async def test_missing_key_is_a_fault_of_key_and_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    for check in (Doctor(settings()).key, Doctor(settings()).service):
        with pytest.raises(AuthError, match="no API key"):
            await check()


async def test_running_appliance_is_asked_what_it_does(tmp_path: Path) -> None:
    async with stage(tmp_path):
        assert await Doctor(settings()).daemon() == "Ready: press the call button."


async def test_files_in_place_of_a_sound_card_are_looked_at(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with wave.open(str(heard), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(960))
    config = settings(
        "audio.driver=file", f"audio.input_file={heard}", f"audio.output_file={tmp_path}/said.wav"
    )

    assert str(heard) in await Doctor(config).microphone()
    assert "said.wav" in await Doctor(config).speaker()
    assert not (tmp_path / "said.wav").exists()


async def test_files_need_not_be_named() -> None:
    config = settings("audio.driver=file")

    assert "Silence" in await Doctor(config).microphone()
    assert "Nothing is kept" in await Doctor(config).speaker()


async def test_what_decodes_and_what_cancels_the_echo_is_told() -> None:
    with_card = await Doctor(Config()).sound()
    without = await Doctor(Config(audio=AudioConfig(driver="file"))).sound()
    assert re.fullmatch(
        r"libopus 1\.\S+ with (deep|classic) concealment; echo: webrtc\.", with_card
    )
    assert without.endswith("echo: none.")


async def test_canceller_that_is_asked_for_and_missing_is_a_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "appliance.media.webrtc_echo", raising=False)
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(ConfigError, match="half-duplex"):
        await Doctor(Config(audio=AudioConfig(echo="webrtc"))).sound()


async def test_missing_files_are_faults(tmp_path: Path) -> None:
    config = settings(
        "audio.driver=file",
        f"audio.input_file={tmp_path}/no.wav",
        f"audio.output_file={tmp_path}/no/said.wav",
    )

    with pytest.raises(DeviceError, match="cannot be read as sound"):
        await Doctor(config).microphone()
    with pytest.raises(DeviceError, match="Nothing can be written"):
        await Doctor(config).speaker()


async def test_camera_proves_itself_with_a_picture() -> None:
    assert "It delivered a picture of" in await Doctor(settings()).camera()


async def test_camera_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        await Doctor(settings(f"camera.folder={tmp_path}")).camera()


async def test_panel_needs_pins_only_if_it_uses_them() -> None:
    assert "keyboard" in await Doctor(settings()).panel()


async def test_machine_without_pins_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no pins"):
        await Doctor(settings("panel.driver=gpio"), tmp_path).panel()


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    fake = Kernel(tmp_path)
    monkeypatch.setattr(gpiochip, "ioctl", fake.ioctl)
    return fake


async def test_pins_without_their_library_are_told(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.plug("gpiochip0", "pinctrl-rp1")
    monkeypatch.setattr(doctor, "find_spec", lambda _name: None)
    with pytest.raises(DeviceError, match="lgpio is missing"):
        await Doctor(settings("panel.driver=gpio"), kernel.devices).panel()


async def test_pins_that_are_free_or_our_own_are_fine(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = kernel.plug("gpiochip0", "pinctrl-rp1")
    chip.holders[17] = "voice-appliance"
    (kernel.devices / "lgpio.py").touch()
    monkeypatch.syspath_prepend(kernel.devices)
    panel = Doctor(settings("panel.driver=gpio", "panel.led=rgb"), kernel.devices).panel
    assert await panel() == "GPIO 17, 27, 22, 23, 24 on gpiochip0 (pinctrl-rp1)."
    chip.holders[24] = "gpiomon"
    with pytest.raises(DeviceError, match=r"GPIO 24 \(panel.blue_pin\) is used by gpiomon"):
        await panel()


async def test_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "MB free" in await Doctor(settings()).disk()
    monkeypatch.setattr(doctor, "DISK_FREE_LIMIT", 1 << 60)
    with pytest.raises(DeviceError, match="disk is full"):
        await Doctor(settings()).disk()


async def test_versions_name_everything_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "aiortc 1." in await Doctor(settings()).versions()
    monkeypatch.setattr(doctor, "LIBRARIES", ("aiortc", "no-such-library"))
    with pytest.raises(DeviceError, match="no-such-library"):
        await Doctor(settings()).versions()


async def test_each_failure_has_the_verdict_of_its_test() -> None:
    async def broken() -> str:
        raise DeviceError("It is broken.", "Mend it.")

    found = [check async for check in look([("one", "note", broken), ("two", "fault", broken)])]

    assert found == [
        Check("one", "note", "It is broken.", "Mend it."),
        Check("two", "fault", "It is broken.", "Mend it."),
    ]


async def test_what_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECK_TIMEOUT", 0.01)

    async def hang() -> str:
        await asyncio.Event().wait()
        return "never"

    found = [check async for check in look([("one", "fault", hang)])]

    assert found == [Check("one", "fault", "No answer within 0 s.", "Restart this device.")]


async def test_everything_is_checked_without_sound_card_and_pi(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(f"service.base_url={service.url}", "audio.driver=file")

    assert await examine(config, as_json=True) == 0

    out = capsys.readouterr().out
    checks = {check.name: check for check in msgspec.json.decode(out, type=list[Check])}
    assert set(checks) == {name for name, _, _ in Doctor(config).tests()}
    assert {name for name, check in checks.items() if check.verdict != "ok"} == {"daemon"}
    assert KEY not in out


async def test_fault_is_the_exit_code_and_the_key_is_not_shown(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.status, service.body = (
        401,
        json.dumps(
            {"error": {"code": "invalid_api_key", "message": f"Incorrect API key provided: {KEY}"}}
        ).encode(),
    )

    config = settings(f"service.base_url={service.url}", "audio.driver=file")
    assert await examine(config, as_json=False) == 1

    out = capsys.readouterr().out
    assert "fault service" in out
    assert "Check the key on the service's web page" in out
    assert KEY not in out
