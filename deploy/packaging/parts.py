"""What others made and the package carries: name, version, licence, files."""

import email
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.packaging.tree import SITE

# SPDX names that older METADATA spells in its own words.
SPDX: Final = {
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "MIT": "MIT",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "3-clause BSD License": "BSD-3-Clause",
    "unlicense.org": "Unlicense",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that others made and the package carries."""

    name: str
    version: str
    licence: str  # SPDX, as far as its maker says it
    text: str  # of the licence
    paths: tuple[str, ...]
    sha256: str = ""  # of the file it came in
    kind: str = "pypi"  # of package URL

    @property
    def purl(self) -> str:
        """Its package URL."""
        version = f"@{self.version}" if self.version else ""
        return f"pkg:{self.kind}/{self.name.lower()}{version}"


def read_part(info: Path, sha256: str = "") -> Part:
    """Return what a *.dist-info folder tells of its project."""
    meta = email.message_from_string((info / "METADATA").read_text(encoding="utf-8"))
    record = (info / "RECORD").read_text(encoding="utf-8").splitlines()
    tops = {line.partition("/")[0].partition(",")[0].strip('"') for line in record if line}
    tops = {top for top in tops if not top.endswith(".libs")}  # linked.py names these
    texts = [
        path.read_text(encoding="utf-8", errors="replace").strip()
        for path in sorted(info.rglob("*"))
        if path.is_file() and re.match(r"(?i)licen[cs]e|copying|notice|authors", path.name)
    ]
    return Part(
        meta["Name"],
        meta["Version"],
        _licence(meta),
        "\n\n".join(texts),
        tuple(
            sorted(f"{SITE}/{top}{'' if (info.parent / top).is_file() else '/*'}" for top in tops)
        ),
        sha256,
    )


def _licence(meta: Any) -> str:  # noqa: ANN401 - email's Message, generic in newer Pythons only
    if expression := meta["License-Expression"]:
        return str(expression)
    told = str(meta["License"] or "").strip()
    if told in SPDX:
        return SPDX[told]
    for line in meta.get_all("Classifier", []):
        if line.startswith("License ::") and (name := SPDX.get(line.rpartition(" :: ")[2])):
            return name
    return told.splitlines()[0] if told else "unknown"
