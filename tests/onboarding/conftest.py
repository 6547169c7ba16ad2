from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.onboarding.model import Network, Security
from appliance.onboarding.pages import Setting
from appliance.onboarding.server import SetUpPage
from tests.onboarding.stage import Stage

SETTING = Setting("voice-1a2b", {"DE": "Germany", "GB": "Britain (UK)"}, "DE", has_key=False)
NETWORKS = (
    Network(b"Home", 82, Security.PERSONAL),
    Network("Café <b>".encode(), 45, Security.OPEN),
    Network(b"Office", 20, Security.FOREIGN),
)


@pytest.fixture
async def page() -> AsyncIterator[SetUpPage]:
    """The page, served on loopback."""
    served = SetUpPage(SETTING, "127.0.0.1", 0)
    assert await served.open(NETWORKS, None)
    yield served
    await served.close()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)
