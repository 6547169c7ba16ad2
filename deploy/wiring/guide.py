"""All pictures of the guide."""

from pathlib import Path
from typing import Final

from appliance.config import PanelConfig
from appliance.core.lights import PATTERNS
from deploy.wiring.board import board
from deploy.wiring.header import wired
from deploy.wiring.lights import file_name, light
from deploy.wiring.schematic import schematic

HERE: Final = Path(__file__).parent


def pictures(panel: PanelConfig | None = None) -> dict[str, str]:
    """Return each picture's file name and text, for this panel or the default one.

    Raises ValueError for a panel that they cannot show.
    """
    parts = wired(panel or PanelConfig())
    lights = {file_name(pattern): light(pattern) for pattern in PATTERNS}
    return {"wiring.svg": board(parts), "schematic.svg": schematic(parts), **lights}
