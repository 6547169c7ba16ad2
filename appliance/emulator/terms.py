"""What a response is made with: the session's settings and what `response.create` overrides - pure."""

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
    modality = given.get("output_modalities", session["output_modalities"])[0]
    return Terms(
        modality=modality,
        max_tokens=given.get("max_output_tokens", session["max_output_tokens"]),
        output={"format": output["format"], "voice": output["voice"]},
        metadata=given.get("metadata"),
        phases=_PHASES.match(session["model"]) is not None,
        tools=tuple(given.get("tools", session["tools"])),
        tool_choice=given.get("tool_choice", session["tool_choice"]),
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
