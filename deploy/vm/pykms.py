"""Stands for kms++'s module, which Debian lacks: picamera2 imports its preview on a screen, which nobody here uses."""  # noqa: E501


class _Names:
    """Every format of pixels there is, by its name."""

    def __getattr__(self, name: str) -> str:
        return name


PixelFormat = _Names()
