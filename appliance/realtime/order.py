"""Keeps things in the order the service gives them, though they come in another."""

_STEP = 1 << 20  # room for 20 insertions at the same place before everything is renumbered


class Order:
    """Keys with integer positions that rarely change."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self._keys: list[str] = []  # by position
        self._sure: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, key: str) -> int:
        return self._positions[key]

    def keys(self) -> tuple[str, ...]:
        """Return all keys in order."""
        return tuple(self._keys)

    def place(self, key: str, after: str | None) -> bool:
        """Put `key` after `after`; at the end for now if that is None or unknown.

        The first known `after` counts for ever. Returns whether others got new positions.
        """
        if key in self._sure or (after not in self._positions and key in self._positions):
            return False
        if key in self._positions:
            self._keys.remove(key)
        if after is None or after not in self._positions or after == key:
            index = len(self._keys)
        else:
            index = self._keys.index(after) + 1
            self._sure.add(key)
        self._keys.insert(index, key)
        return self._number(index)

    def drop_first(self) -> str:
        """Forget the first key and return it."""
        key = self._keys.pop(0)
        del self._positions[key]
        self._sure.discard(key)
        return key

    def _number(self, index: int) -> bool:
        key = self._keys[index]
        before = self._positions[self._keys[index - 1]] if index else 0
        if index == len(self._keys) - 1:
            self._positions[key] = before + _STEP
            return False
        middle = (before + self._positions[self._keys[index + 1]]) // 2
        self._positions[key] = middle
        if middle > before:
            return False
        self._positions = {key: at * _STEP for at, key in enumerate(self._keys, 1)}
        return True
