"""Runs parts of the bench: `python -m tests.bench [PART...]`; without names, those not yet done."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

from tests.bench import pages, plots
from tests.bench.parts import NEEDS_MACHINE, PARTS
from tests.bench.processes import measured_code
from tests.bench.rows import keep, kept_state, summarise, table, unfinished

PART_LIMIT = 1200.0  # s; a part that takes longer is not a measurement any more


def main(names: list[str]) -> int:
    """Run the parts and print the table; 0 only if every part ran and every goal is reached."""
    state = measured_code()
    if unknown := set(names) - set(PARTS):
        print(f"There is no part {', '.join(sorted(unknown))}; take of: {', '.join(PARTS)}.")
        return 2
    failed = []
    due = [part for part in PARTS if kept_state(part) != state and part not in NEEDS_MACHINE]
    for name in names or due:
        began = time.monotonic()
        print(f"  {name:10} {PARTS[name].__doc__}", flush=True)
        try:
            asyncio.run(_limited(name, state))
        except Exception as error:  # noqa: BLE001 - the other parts still count
            failed.append(name)
            print(f"  {name:10} FAILED: {error!r}")
        print(f"  {name:10} {time.monotonic() - began:.0f} s", flush=True)
    rows = summarise(list(PARTS))
    plots.write(rows)
    pages.write(rows)
    print(table(rows))
    return 1 if failed or any(row["holds"] is False for row in rows) else 0


async def _limited(name: str, state: str) -> None:
    """Run a part, and keep what it has so far whenever it tells: it may be stopped any time."""
    async with asyncio.timeout(PART_LIMIT):
        found = PARTS[name]()
        if not isinstance(found, AsyncIterator):
            keep(name, state, await found)
            return
        rows = None
        async for rows in found:
            keep(name, unfinished(state), rows)
        if rows is not None:
            keep(name, state, rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
