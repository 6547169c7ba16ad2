"""MESSAGE_ID of what people look for in the journal; systemd/voice-appliance.catalog explains it.

Numbers are 128 bits at random (systemd.journal-fields(7)). One that was ever released keeps its
meaning for ever. `extra={"MESSAGE_ID": READY}` gives one to a log record.
"""

from collections.abc import Mapping
from typing import Final

READY: Final = "36e124cab5e542368d0f3808048f68b9"
START_FAILED: Final = "b6ea153fd33343b29eb4f506dd771b5c"
SAFE_MODE: Final = "e23acbe32f794235bdc0154d28341927"
SAFE_MODE_LEFT: Final = "29c3600a263f42b19775868a2ac4ace1"
NOT_FED: Final = "f129ee9293e34335be1ca261050df590"
CALL_ENDED: Final = "013a29bb4f894744a9b1b532e4b944f1"
PANEL_FAILED: Final = "2dfa5638da9243e3988d7df884005921"
PANEL_BACK: Final = "64945d25549841de9bae366753f4faf4"
SOUND_LOST: Final = "ac7a75365293423b8f674d5abdb3fbba"
BOARD_WELL: Final = "1e7463bb1055420e801da60ace617f10"
HALF_DUPLEX: Final = "51cc2cfca2c740489828b366864b4374"

PROBLEMS: Final[Mapping[str, str]] = {
    "network": "d81cddc340384f368208d0596a6ddf9c",
    "timeout": "282e79594669400c954185c4183f26ed",
    "service": "0a5a1fd65546421c84dd127215340872",
    "closed": "7236ba71ebab4d3ab68578774318bb41",
    "auth": "1a4f6947f6284268b102331130dc099d",
    "quota": "765f1eec72a940a69a5cb5b66f5193ce",
    "device": "5658138e4b5d4ef7bb4e4b5129f45071",
    "rejected": "35ae7664e0314b45b0af48559b3b37df",
    "power": "d7a87037d6154ac7b1e841839c1de935",
    "bug": "e84feb32b6b8456ebf488b9036bae4c1",
}
"""By the kind of problem (`core.model.ProblemKind`): what ended or refused a call or a picture, or
ails the board.
"""
