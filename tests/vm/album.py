"""Runs in the test machine as root, on the package's own libraries: takes a photo into an album, as the service does.

Prints a line of JSON: which camera took it, its size in pixels, its first and last bytes, and whether the light was asked for
while it was taken and given back afterwards.
"""  # noqa: E501

import asyncio
import json
import sys

sys.path.insert(0, "/usr/lib/voice-appliance/site")

from appliance.album import Album, take_photo
from appliance.config import CameraConfig
from appliance.core.lights import DARK, Pattern
from appliance.drivers import make_camera
from appliance.lamp import Lamp


async def main() -> None:
    """Take it."""
    shown: list[Pattern] = []
    lamp, album = Lamp(shown.append), Album()
    camera = make_camera(CameraConfig(driver="picamera2"), lamp)
    picture = album.picture((await take_photo(camera.capture, album)).name)
    await camera.off()
    ends = picture.jpeg[:2] + picture.jpeg[-2:]
    json.dump({
        "about": camera.about, "size": [picture.width, picture.height], "ends": ends.hex(),
        "lit": any(each != DARK for each in shown), "dark again": shown[-1] == DARK,
    }, sys.stdout)  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main())
