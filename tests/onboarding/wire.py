"""Talks to a page without a browser's manners."""

import asyncio

from appliance.onboarding.server import SetUpPage


async def ask(page: SetUpPage, request: bytes) -> bytes:
    """Send bytes; return what comes until the connection ends."""
    port = int(page.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
