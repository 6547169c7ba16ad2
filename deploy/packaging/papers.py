"""Writes down what is inside: licences (DEP 5) and bill of materials (CycloneDX)."""

import email
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from deploy.packaging.control import MAINTAINER
from deploy.packaging.target import Target
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

# GPL of what PyAV's wheel links into its FFmpeg; all else in there is named in its own bill.
COPYLEFT: Final = dict.fromkeys(("ffmpeg", "x264", "x265"), "GPL-2.0-or-later")


LINE: Final = "\n "  # begins a line that goes on (DEP 5)
OWNER: Final = re.compile(r"(?im)^\W*copyright\W*(?:\(c\)|©)?\s*(\d{4}.*?)[\s.*]*$")
APACHE_TEXT: Final = re.compile(
    r"(?s)[^\n]*Apache License\s+Version 2\.0.*?limitations under the License\."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that others made and the package carries."""

    name: str
    version: str
    licence: str  # SPDX, as far as its maker says it
    text: str  # of the licence
    paths: tuple[str, ...]
    sha256: str = ""  # of the file it came in
    kind: str = "pypi"


def read_part(info: Path, sha256: str = "") -> Part:
    """Return what a *.dist-info folder tells of its project."""
    meta = email.message_from_string((info / "METADATA").read_text(encoding="utf-8"))
    record = (info / "RECORD").read_text(encoding="utf-8").splitlines()
    tops = {line.partition("/")[0].partition(",")[0].strip('"') for line in record if line}
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


HEAD: Final = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Voice Appliance
Source: the repository this package was built from; for the parts see sbom.cdx.json
Comment: PyAV's wheel, where it is carried (Debian 12), holds codecs under the GPL.
 See README.Debian.

Files: *
Copyright: the authors of the Voice Appliance
License: Apache-2.0"""

APACHE: Final = """\
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
"""


def copyright_file(parts: Sequence[Part]) -> str:
    """Return debian/copyright: our own stanza, then one for each part, with the texts."""
    return "\n\n".join((HEAD, *map(_stanza, parts), APACHE))


def _stanza(part: Part) -> str:
    owners = sorted(set(OWNER.findall(part.text))) or [f"the authors of {part.name}"]
    if part.licence == "Apache-2.0":
        licence = "Apache-2.0"
    else:
        text = APACHE_TEXT.sub("[The Apache License, version 2.0, see below.]", part.text)
        lines = (part.licence, "", *text.splitlines())
        told = "\n".join(f" {line.rstrip()}" if line.strip() else " ." for line in lines)
        licence = f"{part.name}\n{told}"
    return "\n".join((
        f"Files: {LINE.join(part.paths)}",
        f"Copyright: {LINE.join(owners)}",
        f"License: {licence}",
    ))  # fmt: skip


def changelog(target: Target, epoch: int) -> str:
    """Return the one entry of Debian's changelog."""
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    return (
        f"voice-appliance ({target.version}) {target.suite.name}; urgency=medium\n\n"
        f"  * Version {target.upstream}; what is new is in changelog.gz.\n\n"
        f" -- {MAINTAINER}  {when}\n"
    )


def bill_of_materials(
    target: Target, parts: Sequence[Part], site: Path, epoch: int
) -> dict[str, Any]:
    """Return a CycloneDX 1.6 document: every part, and what the wheels say is inside of them."""
    components = [_component(part) for part in parts]
    holders = {component["bom-ref"]: component for component in components}
    for inner in sorted(site.glob("*.dist-info/sboms/*.json")):
        name, _, version = inner.parents[1].name.removesuffix(".dist-info").rpartition("-")
        holder = holders[f"pkg:pypi/{name.replace('_', '-').lower()}@{version}"]
        bill = json.loads(inner.read_text(encoding="utf-8"))
        for found in bill.get("components", []):
            holder.setdefault("components", []).append(_inner(found, holder["bom-ref"]))
    for component in components:
        component.get("components", []).sort(key=lambda each: str(each["bom-ref"]))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": "voice-appliance",
                "name": "voice-appliance",
                "version": target.version,
                "purl": f"pkg:deb/voice-appliance@{target.version}?arch={target.architecture}",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
    }


def _component(part: Part) -> dict[str, Any]:
    purl = f"pkg:{part.kind}/{part.name.lower()}@{part.version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": part.name,
        "version": part.version,
        "purl": purl,
        "licenses": [{"expression": part.licence}]
        if re.fullmatch(r"[\w.()+ -]+", part.licence)
        else [{"license": {"name": part.licence}}],
    }
    if part.sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
    return component


def _inner(found: Mapping[str, Any], holder: str) -> dict[str, Any]:
    """Return one component of a wheel's own bill, told apart from the same one elsewhere."""
    kept = {
        key: found[key] for key in ("type", "name", "version", "purl", "licenses") if key in found
    }
    name = str(found["name"])
    if licence := next((COPYLEFT[each] for each in COPYLEFT if each in name.lower()), None):
        kept.setdefault("licenses", [{"license": {"id": licence}}])
    return kept | {"bom-ref": f"{holder}#{name}@{found.get('version', '')}"}
