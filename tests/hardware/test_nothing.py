"""An appliance without buttons and camera waits, and says so when asked for a picture."""

import asyncio

import pytest

from appliance.core.lights import IN_CALL
from appliance.errors import DeviceError
from appliance.hardware.nothing import NoCamera, NoPanel


@pytest.mark.looptime
async def test_no_panel_is_never_pressed_and_takes_any_light() -> None:
    panel = NoPanel()
    panel.show(IN_CALL)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await anext(panel.edges())


async def test_no_camera_refuses_with_a_cure() -> None:
    with pytest.raises(DeviceError) as caught:
        await NoCamera().capture()
    assert "camera.driver" in caught.value.cure
