"""A local Realtime service: the same wire, offline ears, voice and eyes."""

import os

# NumPy's OpenBLAS reads this once, when NumPy is imported; nothing in this package may import it
# earlier. The matrices here are small: a pool of threads only burns CPU beside the audio.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
