"""What the doctor finds out about the machine."""

import pytest

from appliance.doctor import machine
from appliance.doctor.machine import disk
from appliance.errors import DeviceError


async def test_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "MB free" in await disk()
    monkeypatch.setattr(machine, "DISK_FREE_LIMIT", 1 << 60)
    with pytest.raises(DeviceError, match="disk is full"):
        await disk()
