"""python -m appliance.emulator [PORT]: the emulator without the appliance's command line."""

import asyncio
import sys

from appliance.emulator.server import Options, serve


def main() -> None:
    """Serve on the port of the first argument, or on a free one."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    asyncio.run(
        serve(Options(port=port), lambda url: print(f"listening on {url}", flush=True))  # noqa: T201
    )


if __name__ == "__main__":
    main()
