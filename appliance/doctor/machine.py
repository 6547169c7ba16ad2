"""The machine itself: its disk."""

import shutil

from appliance.config import state_directory
from appliance.errors import DeviceError

DISK_FREE_LIMIT = 50_000_000  # bytes; the state directory needs far less


async def disk() -> str:
    """See whether there is room for what is kept."""
    folder = state_directory()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < DISK_FREE_LIMIT:
        raise DeviceError(f"The disk is full: {free // 1000} kB left.", "Make room.")
    return f"{free // 1_000_000} MB free."
