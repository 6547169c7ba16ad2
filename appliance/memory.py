"""Remembers the transcript of all calls in one order, as long as the process lives."""

from dataclasses import replace

from appliance.realtime.conversation import Entry

ENTRIES_KEPT = 1000  # lines, about two hours of talk and 200 kB


class Memory:
    """Entries of one call after another. Within a call they come in any order. Pure."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._offset = 0

    def next_call(self) -> None:
        """Place what comes from now on after all there is."""
        self._offset = 1 + max((entry.position for entry in self._entries.values()), default=-1)

    def remember(self, entry: Entry) -> Entry:
        """Keep an entry of the present call; return it with its position among those of all."""
        placed = replace(entry, position=self._offset + entry.position)
        self._entries[entry.item_id] = placed
        if len(self._entries) > ENTRIES_KEPT:
            oldest = min(self._entries.values(), key=lambda kept: kept.position)
            del self._entries[oldest.item_id]
        return placed

    def entries(self) -> tuple[Entry, ...]:
        """Return everything remembered, in order."""
        return tuple(sorted(self._entries.values(), key=lambda entry: entry.position))
