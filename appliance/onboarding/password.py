"""The access point's password: each device makes its own, and tells it on its card.

No two devices have the same (ETSI EN 303 645, 5.1), and none can be derived from what is printed on
the board or heard by radio. It is never logged.
"""

import contextlib
import secrets
from pathlib import Path
from typing import Final

from appliance.firstboot.apply import Runner, run_command, write_file
from appliance.firstboot.boot import BOOT, writable
from appliance.firstboot.facts import own_host
from appliance.firstboot.report import NAME
from appliance.onboarding.nmcli import ADDRESS

STATE: Final = "var/lib/voice-appliance-onboarding/password"
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
LENGTH: Final = 10  # 49 bits: whoever records somebody joining guesses for decades

_HEADING: Final = "If the appliance finds no network, it opens one of its own:"


def own_password(root: Path) -> str:
    """Return the device's password; make it if there is none yet. Blocks. Raises OSError."""
    path = root / STATE
    with contextlib.suppress(FileNotFoundError):
        if len(text := path.read_text().strip()) >= LENGTH:
            return text
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    text = f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"
    write_file(path, f"{text}\n".encode(), 0o600)
    return text


def tell(root: Path, runner: Runner = run_command) -> None:
    """Write name and password of the access point to the end of the result file on the card.

    Written only if it is not there yet: the first boot begins the file anew. Blocks. Raises
    OSError.
    """
    path = root / BOOT / NAME
    before = path.read_bytes().decode("utf-8-sig", "replace") if path.exists() else ""
    kept = before.partition(_HEADING)[0].rstrip()
    text = "\r\n".join([*([kept, ""] if kept else []), *_lines(root), ""])
    if text == before or not path.parent.is_dir():
        return
    with writable(path.parent, runner):
        write_file(path, text.encode("utf-8-sig"), None)


def _lines(root: Path) -> list[str]:
    return [
        _HEADING,
        f"  - network:  {own_host(root)}",
        f"  - password: {own_password(root)}",
        "Join it with a phone or a computer. The page to set it up comes by itself, or is at",
        f"http://{ADDRESS}/",
    ]
