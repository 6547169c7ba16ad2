"""The endpoints: forms they accept, errors in the service's words, faults, CORS, TLS."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiortc import RTCConfiguration, RTCPeerConnection

from appliance.emulator.options import Options
from appliance.emulator.server import Emulator, running
from appliance.errors import ConfigError
from tests.emulator.client import KEY, PATIENCE, SESSION, Json, call, headers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.usefixtures("no_leftover_tasks"),
]
TEXT = {**SESSION, "output_modalities": ["text"]}


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with running(Options()) as emulator:
        yield emulator


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def offer() -> AsyncIterator[str]:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio")
    pc.createDataChannel("oai-events")
    await pc.setLocalDescription(await pc.createOffer())
    yield pc.localDescription.sdp
    await pc.close()


@asynccontextmanager
async def posted(
    http: aiohttp.ClientSession, url: str, data: Any, key: str = KEY, **extra: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with http.post(
        f"{url}/realtime/calls", data=data, headers={**headers(key), **extra}
    ) as response:
        yield response


def form(offer: str, session: Json, *, typed: bool = True, file: bool = False) -> aiohttp.FormData:
    parts = aiohttp.FormData(default_to_multipart=True)
    kinds = ("application/sdp", "application/json") if typed else (None, None)
    for name, value, kind in zip(
        ("sdp", "session"), (offer, json.dumps(session)), kinds, strict=True
    ):
        parts.add_field(
            name, value.encode() if file else value, content_type=kind,
            filename="blob" if file else None,
        )  # fmt: skip
    return parts


@pytest.mark.parametrize("shape", ["typed", "untyped", "files"])
async def test_every_kind_of_form_makes_a_call(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str, shape: str
) -> None:
    data = form(offer, SESSION, typed=shape != "untyped", file=shape == "files")
    async with posted(http, emulator.url, data) as response:
        assert response.status == 201
        assert response.content_type == "text/plain"
        assert response.headers["Location"].startswith("/v1/realtime/calls/rtc_u0_")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Expose-Headers"] == "Location, X-Request-Id"
        assert (await response.text()).startswith("v=0")


async def test_raw_sdp_with_an_ephemeral_key_uses_its_session(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str
) -> None:
    body = {"expires_after": {"anchor": "created_at", "seconds": 60},
            "session": {**SESSION, "instructions": "Be brief."}}  # fmt: skip
    async with http.post(
        f"{emulator.url}/realtime/client_secrets", json=body, headers=headers()
    ) as response:
        secret = await response.json()
    assert secret["session"]["instructions"] == "Be brief."
    assert secret["session"]["object"] == "realtime.session"
    async with posted(
        http, emulator.url, offer, secret["value"], **{"Content-Type": "application/sdp"}
    ) as response:
        assert response.status == 201
    (record,) = emulator.board.records()
    assert record["session"]["instructions"] == "Be brief."


async def error(response: aiohttp.ClientResponse) -> tuple[int, str, str | None]:
    body = (await response.json())["error"]
    assert set(body) == {"message", "type", "code", "param"}
    return response.status, body["code"], body["param"]


async def test_wrong_session_makes_no_call(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str
) -> None:
    for session, code, param in (
        ({**SESSION, "modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
        ({"model": "gpt-realtime"}, "missing_required_parameter", "session.type"),
        ({"type": "realtime"}, "missing_required_parameter", "session.model"),
    ):
        async with posted(http, emulator.url, form(offer, session)) as response:
            assert await error(response) == (400, code, param)
    assert emulator.board.records() == []


async def test_unknown_model_is_not_found(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str
) -> None:
    session = {"type": "realtime", "model": "parrot-1"}
    async with posted(http, emulator.url, form(offer, session)) as response:
        assert await error(response) == (404, "model_not_found", "session.model")


async def test_trimmed_offer_is_refused(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str
) -> None:
    async with posted(http, emulator.url, form(offer.strip(), SESSION)) as response:
        assert await error(response) == (400, "invalid_offer", None)


async def test_broken_offer_leaves_nothing_behind(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str
) -> None:
    broken = offer.replace("a=mid:1", "a=mid:").replace("sctp-port:5000", "sctp-port:x")
    async with posted(http, emulator.url, form(broken, SESSION)) as response:
        assert await error(response) == (400, "invalid_offer", None)
    assert emulator.board.records() == []


@pytest.mark.parametrize("key", ["", "ek_unknown"])
async def test_missing_or_unknown_key_is_refused(
    emulator: Emulator, http: aiohttp.ClientSession, offer: str, key: str
) -> None:
    async with posted(http, emulator.url, form(offer, SESSION), key) as response:
        assert (await error(response))[:2] == (401, "invalid_api_key")


async def test_only_the_one_key_is_accepted_when_there_is_one(
    http: aiohttp.ClientSession, offer: str
) -> None:
    async with running(Options(api_key="sk-right")) as emulator:
        async with posted(http, emulator.url, form(offer, SESSION)) as response:
            assert (await error(response))[0] == 401
        async with posted(http, emulator.url, form(offer, SESSION), "sk-right") as response:
            assert response.status == 201


async def test_lenient_emulator_takes_the_beta_session(
    http: aiohttp.ClientSession, offer: str
) -> None:
    old = {"model": "gpt-realtime", "modalities": ["text"], "temperature": 0.8}
    async with running(Options(strict=False)) as emulator:
        async with posted(http, emulator.url, form(offer, old)) as response:
            assert response.status == 201
        (record,) = emulator.board.records()
    assert record["session"]["output_modalities"] == ["text"]


async def test_models_are_listed(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{emulator.url}/models", headers=headers()) as response:
        listed = await response.json()
    assert "gpt-realtime-2.1" in {entry["id"] for entry in listed["data"]}


async def test_preflight_allows_what_browsers_send(
    emulator: Emulator, http: aiohttp.ClientSession
) -> None:
    wanted = "authorization,content-type,x-openai-agents-sdk"
    async with http.options(
        f"{emulator.url}/realtime/calls",
        headers={"Origin": "http://page", "Access-Control-Request-Headers": wanted},
    ) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Allow-Headers"] == wanted


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"fault": "refuse_call", "status": 401}, 401, "invalid_api_key"),
        ({"fault": "refuse_call", "status": 429, "retry_after": 2}, 429, "rate_limit_exceeded"),
        (
            {"fault": "refuse_call", "status": 429, "code": "insufficient_quota"},
            429,
            "insufficient_quota",
        ),
        ({"fault": "refuse_call", "status": 500}, 500, None),
    ],
)
async def test_calls_are_refused_as_planned_and_only_so_often(
    http: aiohttp.ClientSession, offer: str, fault: Json, status: int, code: str
) -> None:
    async with running(Options()) as emulator:
        faults = emulator.url.replace("/v1", "/emulator/faults")
        async with http.post(faults, json=fault) as response:
            assert response.status == 200
        async with posted(http, emulator.url, form(offer, SESSION)) as response:
            assert (await error(response))[:2] == (status, code)
            assert response.headers.get("Retry-After") == ("2" if "retry_after" in fault else None)
        async with posted(http, emulator.url, form(offer, SESSION)) as response:
            assert response.status == 201


async def test_wrong_fault_is_refused(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    faults = emulator.url.replace("/v1", "/emulator/faults")
    async with http.post(faults, json={"fault": "meteor"}) as response:
        assert response.status == 400


async def test_ignored_call_gets_no_answer(http: aiohttp.ClientSession, offer: str) -> None:
    options = Options(faults=('{"fault": "ignore_call"}',))
    async with running(options) as emulator:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), posted(http, emulator.url, form(offer, SESSION)):
                pass


async def test_location_can_be_missing_or_doubled(http: aiohttp.ClientSession, offer: str) -> None:
    options = Options(
        faults=('[{"fault": "no_location"}, {"fault": "double_location", "skip": 1}]',)
    )
    async with running(options) as emulator:
        async with posted(http, emulator.url, form(offer, SESSION)) as response:
            assert "Location" not in response.headers
        async with posted(http, emulator.url, form(offer, SESSION)) as response:
            assert response.headers["Location"].startswith("/v1/realtime/calls/calls/rtc_")


async def test_sideband_is_refused_so_often_and_then_opens() -> None:
    options = Options(faults=('{"fault": "refuse_sideband", "times": 2}',))
    async with running(options) as emulator, call(emulator.url, TEXT) as client:
        url = f"{emulator.url}/realtime?call_id={client.call_id}"
        for _ in range(2):
            async with client.http.get(url, headers=headers()) as response:
                assert await error(response) == (404, "call_id_not_found", "")
        async with client.sideband() as sideband:
            sideband.say("hello")
            await sideband.until("response.done")


@pytest.mark.parametrize("code", [1001, 1006, 1011])
async def test_sideband_is_closed_as_planned_and_the_call_goes_on(code: int) -> None:
    fault = {"fault": "close_sideband", "code": code, "after": 0.2}
    async with (
        running(Options(faults=(json.dumps(fault),))) as emulator,
        call(emulator.url, TEXT) as client,
    ):
        async with client.sideband() as sideband, asyncio.timeout(PATIENCE):
            await sideband.closed.wait()
        assert sideband.socket is not None
        assert sideband.socket.close_code == code
        client.wire.say("hello")
        await client.wire.until("response.done")


async def test_data_channel_is_closed_as_planned_and_the_sideband_goes_on() -> None:
    fault = '{"fault": "close_channel", "after": 0.2}'
    async with (
        running(Options(faults=(fault,))) as emulator,
        call(emulator.url, TEXT) as client,
        client.sideband() as sideband,
    ):
        async with asyncio.timeout(PATIENCE):
            await client.wire.closed.wait()
        sideband.say("hello")
        await sideband.until("response.done")


async def test_dropped_media_is_silence_without_a_word() -> None:
    fault = '{"fault": "drop_media", "after": 0.3}'
    options = Options(faults=(fault,), media_timeout=2.0)
    async with (
        running(options) as emulator,
        call(emulator.url) as client,
        client.sideband() as sideband,
    ):
        async with asyncio.timeout(PATIENCE):
            await sideband.closed.wait()
        assert client.pc.connectionState == "connected"
        assert not client.wire.closed.is_set()
        assert (await client.record())["ended"] == "no media"


async def test_session_expires_as_planned() -> None:
    fault = '{"fault": "expire_session", "after": 0.5}'
    async with (
        running(Options(faults=(fault,))) as emulator,
        call(emulator.url, TEXT) as client,
        client.sideband() as sideband,
    ):
        sentence = (await sideband.until("error"))["error"]["message"]
        async with asyncio.timeout(PATIENCE):
            await sideband.closed.wait()
    assert sentence == "Your session hit the maximum duration of 60 minutes."


async def test_fault_plan_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('[{"fault": "hang_up"}]')
    async with running(Options(faults=(str(file),))) as emulator:
        assert emulator.plan.left()[0]["fault"] == "hang_up"


async def test_missing_fault_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        async with running(Options(faults=(str(tmp_path / "none.json"),))):
            pass


async def test_taken_port_is_an_error(emulator: Emulator) -> None:
    port = int(emulator.url.split(":")[2].split("/")[0])
    with pytest.raises(ConfigError, match="cannot be used"):
        async with running(Options(port=port)):
            pass


async def test_tls_with_a_certificate_of_its_own(http: aiohttp.ClientSession) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with running(Options(tls=True)) as emulator:
        assert emulator.url.startswith("https://")
        async with http.get(f"{emulator.url}/models", headers=headers(), ssl=trusting) as response:
            assert response.status == 200
