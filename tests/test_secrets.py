"""The key never shows: not in any output of any command, not in the log at its most talkative."""

import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from appliance.console.views import MarkView, ModelView
from appliance.control import Control
from appliance.demo.service import local_service
from tests.commands import run
from tests.processes import daemon

KEY = "sk-test-canary-0123456789abcdef"
CANARY = "canary-0123456789abcdef"  # however it is cut or quoted
TALKATIVE = "log.level=debug"
HEADLESS = (
    "--profile", "desktop", "--set", "panel.driver=none", "--set", "audio.driver=file",
    "--set", TALKATIVE, "--config", "/dev/null",
)  # fmt: skip


@pytest_asyncio.fixture(params=[401, 400])
async def tactless_service(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A service that refuses every request and repeats the key, as OpenAI's does in part."""
    status = request.param

    async def refuse(request: web.Request) -> web.Response:
        given = request.headers["Authorization"]
        error = {"code": None, "message": f"Incorrect API key provided: {given}"}
        return web.json_response({"error": error}, status=status, headers={"X-Echo": given})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


@pytest.fixture
def key_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(getattr(request, "param", f"{KEY}\n"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "arguments",
    [("config", "show"), ("config", "check"), ("doctor",), ("doctor", "--json")],
    ids=" ".join,
)
async def test_no_command_shows_the_key(
    arguments: Sequence[str], tmp_path: Path, key_file: Path, tactless_service: str
) -> None:
    told = await run(
        *arguments, *HEADLESS,
        "--set", f"service.base_url={tactless_service}", "--set", f"service.key_file={key_file}",
        runtime=tmp_path, OPENAI_API_KEY=KEY, PYTHONASYNCIODEBUG="1",
    )  # fmt: skip

    assert told.out, "it said something"
    assert CANARY not in told.out + told.err


async def test_report_bundle_does_not_hold_the_key(
    tmp_path: Path, key_file: Path, tactless_service: str
) -> None:
    path = tmp_path / "report.tar.gz"
    told = await run(
        "doctor", *HEADLESS, "--set", f"service.base_url={tactless_service}",
        "--set", f"service.key_file={key_file}", "--bundle", str(path),
        runtime=tmp_path, OPENAI_API_KEY=KEY,
    )  # fmt: skip

    with tarfile.open(path) as archive:
        files = [archive.extractfile(entry) for entry in archive.getmembers()]
        text = "".join(file.read().decode() for file in files if file is not None)
    assert "service.key_file" in text
    assert CANARY not in text + told.out + told.err


@pytest.mark.parametrize(
    "key_file", [f"{KEY} {KEY}", f"{KEY}\nmore", f"{KEY}\u00e9"], indirect=True
)
async def test_damaged_key_is_told_without_it(tmp_path: Path, key_file: Path) -> None:
    told = await run("doctor", *HEADLESS, "--set", f"service.key_file={key_file}", runtime=tmp_path)

    assert "is empty or damaged" in told.out
    assert CANARY not in told.out + told.err


async def test_refused_key_stays_out_of_status_and_debug_log(tactless_service: str) -> None:
    key = {"OPENAI_API_KEY": KEY, "PYTHONASYNCIODEBUG": "1"}
    async with daemon(tactless_service, [TALKATIVE, "call.dial_on_start=true"], key) as appliance:
        problem = await faulty(appliance.control)
        snapshot = repr(await appliance.control.status())
        appliance.process.terminate()
        assert await appliance.process.wait() == 0
        told = appliance.log

    assert "The service refuses the" in problem
    assert "The service refuses the" in told
    leaks = [line for line in (problem + snapshot + told).splitlines() if CANARY in line]
    assert leaks == []


@pytest.mark.slow
@pytest.mark.timeout(90)
async def test_debug_log_of_a_whole_call_has_no_key_no_words_and_no_keys_of_the_call() -> None:
    key = {"OPENAI_API_KEY": KEY}
    async with (
        local_service() as service,
        daemon(service, [TALKATIVE], key) as appliance,
        aclosing(appliance.control.events()) as events,
    ):
        await anext(events)  # from here on nothing is missed
        await appliance.control.call()
        await appliance.control.say("add two and five slowly")
        async for event in events:
            if isinstance(event, MarkView) and event.name == "tool_output_sent":
                break
        await appliance.control.hang_up()
        appliance.process.terminate()
        assert await appliance.process.wait() == 0
        told = appliance.log

    assert "call ended" in told
    for secret in (CANARY, "ice-pwd", "fingerprint", "Authorization", "two and five"):
        assert secret not in told


async def faulty(control: Control) -> str:
    """Return what is wrong, once something is that needs a person."""
    async with aclosing(control.events()) as events:
        async for event in events:
            if isinstance(event, ModelView) and event.phase == "fault":
                assert event.problem is not None
                return event.problem.cause
    raise AssertionError("the daemon ended without a fault")
