"""PortAudio on cards that take one format only, as many do: they refuse every other one."""

from typing import Any

import pyaudio

from appliance.hardware.stream import WIDTHS
from appliance.media.blocks import Format


def particular(near: Format, far: Format) -> type[pyaudio.PyAudio]:
    """Return a PyAudio whose cards refuse any other format, with PortAudio's own error codes."""
    real = pyaudio.PyAudio

    class Particular(real):  # type: ignore[misc, valid-type]  # a class that is found at run time
        def open(self, **wanted: Any) -> pyaudio.Stream:
            for form, way in ((near, "input"), (far, "output")):
                if not wanted[way]:
                    continue
                if wanted["format"] != WIDTHS[form.width]:
                    raise OSError(-9994, "Sample format not supported")
                if wanted["rate"] != form.rate_hz:
                    raise OSError(-9997, "Invalid sample rate")
                if wanted["channels"] != form.channels:
                    raise OSError(-9998, "Invalid number of channels")
            opened: pyaudio.Stream = super().open(**wanted)
            return opened

    return Particular
