"""Remembers what has come already, without growing for ever."""


class Seen:
    """The last `limit` keys."""

    def __init__(self, limit: int) -> None:
        self._keys: dict[str, None] = {}
        self._limit = limit

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def first(self, key: str | None) -> bool:
        """Return whether `key` is new, and remember it. None is always new."""
        if key is None:
            return True
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._limit:
            del self._keys[next(iter(self._keys))]
        return True


class Census:
    """Counts the event types nobody knows; at most `limit` of them by name."""

    def __init__(self, limit: int = 50) -> None:
        """`limit`: a service that invents names must not fill our memory."""
        self._counts: dict[str, int] = {}
        self._limit = limit
        self.total = 0

    def count(self, name: str) -> bool:
        """Count one; return whether it is the first of its name, so worth a line in the log."""
        self.total += 1
        if name not in self._counts and len(self._counts) >= self._limit:
            return False
        self._counts[name] = self._counts.get(name, 0) + 1
        return self._counts[name] == 1

    def counts(self) -> dict[str, int]:
        """Return how often each came."""
        return dict(self._counts)
