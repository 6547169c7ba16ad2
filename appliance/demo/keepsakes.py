"""What is kept of a visit: the words and the timeline."""

from pathlib import Path

import msgspec

from appliance.console.views import line_text, view
from appliance.demo.witness import Witness


def keep(folder: Path, witness: Witness) -> None:
    """Write the transcript and the timeline of a visit into `folder`."""
    lines = "".join(f"{line_text(entry)}\n" for entry in witness.transcript())
    folder.joinpath("transcript.txt").write_text(lines, encoding="utf-8")
    marks = b"".join(msgspec.json.encode(view(mark)) + b"\n" for mark in witness.marks())
    folder.joinpath("timeline.jsonl").write_bytes(marks)
