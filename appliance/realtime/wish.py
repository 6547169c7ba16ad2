"""What the model is asked for: an answer, and what became of asking."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """That the model answers. `instructions` replace the session's, if any."""

    instructions: str = ""
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """A response.create that was sent, and the response that came then.

    `covered`: that response knows all we had posted, even if it was the service's own.
    """

    event_id: str
    wish: Wish
    at: float
    response_id: str = ""
    covered: bool = False
