"""Keys: the one of the account, and those issued for a minute to a browser."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.emulator.wire import Ids, Json, Refusal

# OpenAI API reference, client secrets (2026): 10 to 7200 seconds, 600 by default.
SHORTEST, LONGEST, USUAL = 10, 7200, 600
_EPHEMERAL: Final = "ek_"


@dataclass(frozen=True, slots=True)
class Secret:
    """An ephemeral key, the session it stands for, and its end in wall-clock seconds."""

    session: Json
    expires_at: int


class Keys:
    """Knows which keys are good."""

    def __init__(self, api_key: str, ids: Ids, clock: Callable[[], float]) -> None:
        """`api_key`: the only standard key that is accepted; empty accepts every one."""
        self._api_key = api_key
        self._ids = ids
        self._clock = clock
        self._secrets: dict[str, Secret] = {}

    def issue(self, session: Json, seconds: int) -> tuple[str, int]:
        """A new ephemeral key and its end."""
        key = self._ids.make("ek")
        expires_at = int(self._clock()) + seconds
        self._secrets[key] = Secret(session, expires_at)
        return key, expires_at

    def check(self, key: str) -> Json | None:
        """The session an ephemeral key stands for; None for a standard key.

        Raises:
            Refusal: the key is missing, wrong or too old.
        """
        if key.startswith(_EPHEMERAL):
            secret = self._secrets.get(key)
            if secret is None or secret.expires_at <= self._clock():
                raise Refusal("invalid_api_key", "Invalid or expired ephemeral API key provided.")
            return secret.session
        if not key:
            raise Refusal(
                "invalid_api_key",
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
        if self._api_key and key != self._api_key:
            raise Refusal("invalid_api_key", "Incorrect API key provided.")
        return None
