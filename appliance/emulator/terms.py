"""What a response is made with: session settings and the overrides of `response.create` - pure."""

import re
from typing import Final

from appliance.emulator.answers import Means
from appliance.emulator.reply import Terms
from appliance.emulator.tool_use import functions
from appliance.emulator.wire import Json

# gpt-realtime-2 and later mark messages as commentary or final answer (recorded, August 2026).
_PHASES: Final = re.compile(r"gpt-realtime-2(?:\.|-mini|$)")


def terms_of(session: Json, given: Json) -> Terms:
    """The terms of a response created with these overrides."""
    output = {**session["audio"]["output"], **given.get("audio", {}).get("output", {})}
    both = {**session, **given}
    return Terms(
        modality=both["output_modalities"][0],
        max_tokens=both["max_output_tokens"],
        output={"format": output["format"], "voice": output["voice"]},
        metadata=given.get("metadata"),
        phases=_PHASES.match(session["model"]) is not None,
        tools=tuple(both["tools"]),
        tool_choice=both["tool_choice"],
        instructions=given.get("instructions", ""),
    )


def means_of(terms: Terms) -> Means:
    """What an answer on these terms can use."""
    choice = terms.tool_choice
    return Means(
        tools=functions(terms.tools, choice),
        must_call=choice == "required" or isinstance(choice, dict),
        instructions=terms.instructions,
    )
