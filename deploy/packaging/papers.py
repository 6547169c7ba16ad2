"""Writes down what is inside: licences (DEP 5) and bill of materials (CycloneDX)."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from deploy.packaging.control import MAINTAINER
from deploy.packaging.linked import linked_in
from deploy.packaging.parts import Part
from deploy.packaging.target import Target

LINE: Final = "\n "  # begins a line that goes on (DEP 5)
OWNER: Final = re.compile(
    r"(?m)^\W*Copyright\b:?\s*(?:(?:\([cC]\)|©)\s*(?=\w)|(?=\d{4}))(.*?)[\s.,*]*$"
)
APACHE_TEXT: Final = re.compile(
    r"(?s)[^\n]*Apache License\s+Version 2\.0.*?limitations under the License\."
)

OURS: Final = "Apache-2.0"
KEPT: Final = ("type", "name", "version", "purl", "licenses")  # of a wheel's own bill

HEAD: Final = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Voice Appliance
Source: the repository this package was built from; for the parts see sbom.cdx.json
Comment: PyAV's wheel, where it is carried (Debian 12), brings libraries of its own,
 two of them under the GPL. See README.Debian.

Files: *
Copyright: the authors of the Voice Appliance
License: Apache-2.0"""

# Where Debian keeps the texts of licences (base-files).
COMMON: Final = {
    "Apache-2.0": "Apache-2.0",
    "GPL-2.0-or-later": "GPL-2",
    "LGPL-2.0-or-later": "LGPL-2",
    "LGPL-2.1-or-later": "LGPL-2.1",
    "LGPL-3.0-or-later": "LGPL-3",
    "LGPL-3.0-or-later OR GPL-2.0-or-later": "LGPL-3",
}


def copyright_file(parts: Sequence[Part]) -> str:
    """Return debian/copyright: our own stanza, then one for each part, with the texts."""
    stanzas = [
        f"License: {_word(name)}\n The text is in /usr/share/common-licenses/{COMMON[name]}."
        for name in sorted({part.licence for part in parts if part.licence in COMMON} | {OURS})
    ]
    return "\n\n".join((HEAD, *map(_stanza, parts), *stanzas)) + "\n"


def _word(licence: str) -> str:
    """Return an SPDX expression in the syntax of DEP 5."""
    return licence.replace(" OR ", " or ").replace(" AND ", " and ")


def _stanza(part: Part) -> str:
    owners = sorted(set(OWNER.findall(part.text))) or [f"the authors of {part.name}"]
    if part.licence in COMMON:
        licence = _word(part.licence)
    else:
        text = APACHE_TEXT.sub("[The Apache License, version 2.0, see below.]", part.text)
        told = text or "Its text was not in the wheel; the project publishes it."
        lines = [f" {line.rstrip()}" if line.strip() else " ." for line in told.splitlines()]
        licence = "\n".join((f"{part.name}-licence", f" {part.licence}", " .", *lines))
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
    """Return a CycloneDX 1.6 document: every part, and what wheels say or hide inside of them."""
    components = [_component(part) for part in parts]
    holders = {component["bom-ref"]: component for component in components}
    for inner in sorted(site.glob("*.dist-info/sboms/*.json")):
        name, _, version = inner.parents[1].name.removesuffix(".dist-info").rpartition("-")
        holder = holders[f"pkg:pypi/{name.replace('_', '-').lower()}@{version}"]
        bill = json.loads(inner.read_text(encoding="utf-8"))
        for found in bill.get("components", []):
            _hold(holder, {key: found[key] for key in KEPT if key in found})
    for owner, part in linked_in(part.name for part in parts):
        (holder,) = (each for each in components if each["name"] == owner)
        _hold(holder, _component(part))
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
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "licenses": [{"expression": part.licence}],
    }
    if part.sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
    return component


def _hold(holder: dict[str, Any], component: Mapping[str, Any]) -> None:
    """Put one component inside another, once, told apart from the same one elsewhere."""
    held = holder.setdefault("components", [])
    reference = f"{holder['bom-ref']}#{component['name']}@{component.get('version', '')}"
    if reference not in {each["bom-ref"] for each in held}:
        held.append({**component, "bom-ref": reference})
