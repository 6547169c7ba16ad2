"""What the unit runs, as root: `/usr/lib/voice-appliance/first-boot`."""

import os
import sys
from pathlib import Path

from appliance.firstboot.boot import first_boot


def main(root: str = "/") -> int:
    """Apply the settings of the card's boot partition; return the exit status.

    0 also if some of them were wrong: the result file and the journal tell which. 1 if the card
    could not be written or a command failed: then it is tried again on the next boot.
    """
    if os.geteuid() != 0:
        sys.stderr.write("This changes the system, so only root may do it. Run it with sudo.\n")
        return 1
    outcome = first_boot(Path(root))
    sys.stdout.write(outcome.words.replace("\r\n", "\n"))
    return int(outcome.failed)


if __name__ == "__main__":
    sys.exit(main())
