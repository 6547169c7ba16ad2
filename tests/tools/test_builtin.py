"""The tools every appliance has."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime

import pytest

from appliance.config import ToolsConfig
from appliance.core.model import Photo
from appliance.errors import DeviceError
from appliance.realtime.tool_calls import ToolCall
from appliance.tools.builtin import builtin_tools
from appliance.tools.registry import Registry
from appliance.tools.runner import Runner


class Appliance:
    """A device with a camera that can break."""

    def __init__(self, *, camera_works: bool = True) -> None:
        self.camera_works = camera_works
        self.ended = 0
        self.volume = 100

    def status(self) -> Mapping[str, object]:
        return {"camera": "ready" if self.camera_works else "missing"}

    async def take_photo(self) -> Photo:
        if not self.camera_works:
            raise DeviceError("There is no camera.", "Plug one in.")
        return Photo("photo-0001")

    def set_volume(self, percent: int) -> None:
        self.volume = percent

    def end_call(self) -> None:
        self.ended += 1


async def run(
    name: str, arguments: str = "{}", appliance: Appliance | None = None
) -> dict[str, object]:
    runner = Runner(Registry(builtin_tools(appliance or Appliance())), ToolsConfig())
    output = json.loads(await runner.run(ToolCall("call_1", name, arguments)))
    assert isinstance(output, dict)
    return output


def test_all_are_offered_with_complete_schemas() -> None:
    specs = Registry(builtin_tools(Appliance())).specs()

    assert {spec.name for spec in specs} == {
        "delayed_add",
        "echo_upper",
        "current_time",
        "device_status",
        "take_photo",
        "set_volume",
        "end_call",
    }
    for spec in specs:
        schema = json.loads(spec.parameters)
        assert schema["additionalProperties"] is False
        assert all("description" in entry for entry in schema["properties"].values())


@pytest.mark.looptime
async def test_delayed_add_takes_two_seconds() -> None:
    began = asyncio.get_running_loop().time()

    assert await run("delayed_add", '{"a": 2, "b": 5}') == {"sum": 7}
    assert asyncio.get_running_loop().time() - began == pytest.approx(2.0, abs=0.1)


@pytest.mark.looptime
async def test_delayed_add_knows_fractions() -> None:
    assert await run("delayed_add", '{"a": 0.5, "b": 1.25}') == {"sum": 1.75}


async def test_delayed_add_has_limits() -> None:
    assert "error" in await run("delayed_add", '{"a": 1e300, "b": 1}')


async def test_echo_upper_raises_the_case() -> None:
    assert await run("echo_upper", '{"text": "hello world"}') == {"text": "HELLO WORLD"}


async def test_current_time_knows_time_zones() -> None:
    output = await run("current_time", '{"time_zone": "Asia/Kathmandu"}')

    offset = datetime.fromisoformat(str(output["time"])).utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 5.75 * 3600
    assert output["weekday"] in {
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    }  # fmt: skip


async def test_current_time_is_that_of_the_device() -> None:
    output = await run("current_time")

    assert datetime.fromisoformat(str(output["time"])).tzinfo is not None


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/passwd", "."])
async def test_unknown_time_zone_is_explained(zone: str) -> None:
    output = await run("current_time", json.dumps({"time_zone": zone}))

    assert "There is no time zone" in json.dumps(output)


async def test_volume_is_set_as_asked_and_not_beyond() -> None:
    appliance = Appliance()
    assert await run("set_volume", '{"percent": 35}', appliance) == {"volume": 35}
    assert appliance.volume == 35
    assert "error" in await run("set_volume", '{"percent": 101}', appliance)
    assert appliance.volume == 35


async def test_device_status_is_that_of_the_device() -> None:
    assert await run("device_status") == {"camera": "ready"}


async def test_take_photo_names_the_picture_that_was_shown() -> None:
    assert await run("take_photo") == {"photo": "photo-0001", "shown": True}


async def test_take_photo_explains_a_broken_camera() -> None:
    output = await run("take_photo", appliance=Appliance(camera_works=False))

    assert output["error"] == {"code": "failed", "message": "There is no camera. Plug one in."}


async def test_end_call_asks_for_the_end_and_for_a_goodbye() -> None:
    appliance = Appliance()

    output = await run("end_call", appliance=appliance)

    assert appliance.ended == 1
    assert output["ending"] is True
