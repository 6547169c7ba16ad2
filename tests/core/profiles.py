"""How hard hypothesis tries: the same quick cases every time, or new ones on request."""

import os

from hypothesis import settings

EXPLORE = "VOICE_APPLIANCE_EXPLORE" in os.environ  # new cases, and many, until one fails

QUICK = settings(
    max_examples=2000 if EXPLORE else 200,
    stateful_step_count=50,
    derandomize=not EXPLORE,
    database=None,
    deadline=None,  # the machine that runs the tests may be busy
)
