"""What the service's error codes mean to us."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from appliance.errors import AuthError, BusyError, QuotaError, RejectedError, ServiceError
from appliance.realtime.shapes import ErrorBody

Meaning: TypeAlias = Literal[
    "benign", "busy", "quota", "auth", "expired", "rejected", "withheld", "broken"
]
"""benign: nothing to do. busy: later. expired: this session is over, a new one works.
quota, auth: a person must act. rejected: our mistake or a wrong setting. withheld: a limit let
nothing of an answer through (the reasons of an incomplete response). broken: its own fault.
"""

ACTIVE_RESPONSE: Final = "conversation_already_has_active_response"
NOTHING_TO_CANCEL: Final = "response_cancel_not_active"
TOO_LONG: Final = "max_output_tokens"

# Codes: OpenAI API reference, realtime server event "error"; the code tables of livekit-agents and
# pydantic-ai; reports of users (community.openai.com), as of November 2026.
_MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        ACTIVE_RESPONSE: "benign",
        NOTHING_TO_CANCEL: "benign",
        "input_audio_buffer_commit_empty": "benign",
        "item_truncate_invalid_item_id": "benign",
        "item_retrieve_invalid_item_id": "benign",
        "item_delete_invalid_item_id": "benign",
        "item_create_duplicate_item_id": "benign",  # we repeat what a broken line may have lost
        "cannot_update_voice": "benign",
        "rate_limit_exceeded": "busy",
        "inference_rate_limit_exceeded": "busy",
        "insufficient_quota": "quota",
        "billing_hard_limit_reached": "quota",
        "invalid_api_key": "auth",
        "account_deactivated": "auth",
        "inference_not_authorized_error": "auth",
        "model_not_found": "auth",
        "session_expired": "expired",
        "content_filter": "withheld",
        TOO_LONG: "withheld",
        "server_error": "broken",
    }
)

_TYPES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {"invalid_request_error": "rejected", "tokens": "busy", "requests": "busy"}
)  # a failed response has the kind of limit as its type (reported by users, 2026)

_DELAY: Final = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:ms|s|m|h))+)", re.IGNORECASE)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.IGNORECASE)
_SECONDS: Final = MappingProxyType({"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0})
_LATER: Final = "Say it again in a moment."
_CUT: Final = 200  # characters of the service's own words that we repeat


def meaning(error: ErrorBody) -> Meaning:
    """Return what an error means, by its code, else by its type; anything unheard of is broken."""
    return _MEANINGS.get(error.code or "") or _TYPES.get(error.type or "", "broken")


def delay(error: ErrorBody) -> float | None:
    """Return the seconds in "Please try again in 6.946s", if the message says so."""
    found = _DELAY.search(error.message or "")
    if found is None:
        return None
    return sum(float(count) * _SECONDS[unit.lower()] for count, unit in _PART.findall(found[1]))


def service_error(error: ErrorBody) -> ServiceError:
    """Return an error as the exception a person can read; benign ones too, if asked."""
    said = (error.message or error.code or "it did not say why")[:_CUT].rstrip(".")
    match meaning(error):
        case "quota":
            return QuotaError("The account has no quota left.", "Look at its billing page.")
        case "auth":
            return AuthError(f"The service refuses the key: {said}.", "Check the API key.")
        case "busy":
            return BusyError(f"The service is busy: {said}.", _LATER, retry_after=delay(error))
        case "rejected" | "benign":
            cure = "Check the service and session settings."
            return RejectedError(f"The service refuses a request: {said}.", cure, code=error.code)
        case "withheld" if error.code == TOO_LONG:
            cause = "The answer was as long as it may be before a word of it came (tokens)."
            return RejectedError(cause, "Ask for less at once.", code=error.code)
        case "withheld":
            cause = f"The service held its answer back ({said.replace('_', ' ')})."
            return RejectedError(cause, "Ask in other words.", code=error.code)
        case _:  # expired or broken
            return ServiceError(f"The service failed: {said}.", _LATER)
