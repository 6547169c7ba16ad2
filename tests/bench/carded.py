"""The appliance on cards of one sample rate: `CARD_RATE=16000 python -m tests.bench.carded run ...`."""  # noqa: E501

import os

import pyaudio

from appliance import cli
from appliance.media.blocks import Format
from tests.bench.processes import at_once
from tests.hardware.particular import particular

RATE_HZ = "CARD_RATE"  # the variable that holds the rate, in Hz

if __name__ == "__main__":
    at_once(os.getpid())
    form = Format(int(os.environ[RATE_HZ]), 1)
    pyaudio.PyAudio = particular(form, form)  # type: ignore[misc]  # what the driver finds
    cli.main()
