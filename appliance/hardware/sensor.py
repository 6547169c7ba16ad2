"""What is asked of a Pi's image sensor: a small picture of all that it sees."""

from typing import Final

LONG_SIDE: Final = 1024  # pixels asked of the camera's own scaler: the album keeps no more


def picture_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the picture that a sensor of this size is asked for, in pixels."""
    scale = min(LONG_SIDE / max(width, height), 1)
    return int(width * scale) // 2 * 2, int(height * scale) // 2 * 2  # libcamera wants even sizes


def mode_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the sensor's own mode that is asked for, in pixels: half of it, or all.

    Left alone, picamera2 and rpicam-still take the mode nearest to the picture's size, and that of
    Camera Module 3 sees the middle only (`rpicam-hello --list-cameras`: imx708, 1536x864, a crop of
    3072x1728 out of 4608x2592). The mode of half the size is the whole sensor, 2x2 pixels as one.
    """
    if max(width, height) < 2 * LONG_SIDE:
        return width, height
    return width // 2, height // 2
