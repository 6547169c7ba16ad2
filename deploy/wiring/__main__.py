"""Writes the pictures of the wiring guide: `python -m deploy.wiring [FOLDER]`."""

import sys
from pathlib import Path

from deploy.wiring.guide import HERE, pictures


def main(folder: Path) -> None:
    """Write every picture, and take away those of lights there are no more."""
    drawn = pictures()
    for old in folder.glob("*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, text in drawn.items():
        (folder / name).write_text(text, encoding="utf-8")


main(Path(sys.argv[1]) if sys.argv[1:] else HERE)
