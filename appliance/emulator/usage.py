"""Counts tokens the way the service bills them, as far as that is known - pure."""

from dataclasses import dataclass
from typing import Final, Self

from appliance.emulator.wire import Json

# OpenAI, "Managing costs" of the Realtime guide (2026): user sound 1 token for 100 ms, the
# assistant's 1 for 50 ms. Cached counts in recorded traffic are multiples of 64.
USER_MS: Final = 100
ASSISTANT_MS: Final = 50
CACHE_STEP: Final = 64
# The size of a token of English text; of a picture: the price of a 1024 px one in other APIs.
_CHARACTERS: Final = 4
PICTURE: Final = 765
# Seen in recorded traffic, July 2026.
_LIMIT: Final = 15_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """A count for each kind of content."""

    text: int = 0
    audio: int = 0
    image: int = 0

    def __add__(self, other: Self) -> Self:
        """Sum, kind by kind."""
        return type(self)(
            self.text + other.text, self.audio + other.audio, self.image + other.image
        )

    @property
    def total(self) -> int:
        """All kinds."""
        return self.text + self.audio + self.image

    def cached(self, now: Self) -> Self:
        """What of `now` was there in a request of this size before."""
        return type(self)(
            min(self.text, now.text) // CACHE_STEP * CACHE_STEP,
            min(self.audio, now.audio) // CACHE_STEP * CACHE_STEP,
            min(self.image, now.image) // CACHE_STEP * CACHE_STEP,
        )


def text_tokens(text: str) -> int:
    """Tokens of a piece of English text."""
    return -(-len(text) // _CHARACTERS)


def usage(given: Tokens, before: Tokens, made: Tokens) -> Json:
    """The `usage` object: `given` to the model, `before` in the last request, `made` by it."""
    cached = before.cached(given)
    return {
        "total_tokens": given.total + made.total,
        "input_tokens": given.total,
        "output_tokens": made.total,
        "input_token_details": {
            "text_tokens": given.text,
            "audio_tokens": given.audio,
            "image_tokens": given.image,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": cached.image,
            },
        },
        "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
    }


def rate_limits(used: int) -> list[Json]:
    """The `rate_limits` of an account that used this many tokens in the last minute."""
    share = min(used, _LIMIT)
    return [
        {
            "name": "tokens",
            "limit": _LIMIT,
            "remaining": _LIMIT - share,
            "reset_seconds": round(share * 60 / _LIMIT, 3),
        }
    ]
