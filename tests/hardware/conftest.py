"""A kernel with GPIO chips of our choice."""

from pathlib import Path

import pytest

from appliance.hardware import gpiochip, line
from tests.hardware.gpio_kernel import Kernel


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    fake = Kernel(tmp_path)
    monkeypatch.setattr(gpiochip, "ioctl", fake.ioctl)
    monkeypatch.setattr(line, "ioctl", fake.ioctl)
    return fake
