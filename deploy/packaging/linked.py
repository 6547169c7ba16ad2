"""Names what wheels hold of other projects without saying so: shared and linked-in libraries."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from deploy.packaging.parts import Part
from deploy.packaging.target import PackagingError
from deploy.packaging.tree import SITE

GNU: Final = "LGPL-3.0-or-later OR GPL-2.0-or-later"

# Licence by the name of a shared library, as its project says; the first pattern that fits.
LICENCES: Final = {
    r"libav\w+|libsw\w+": "LGPL-3.0-or-later",  # what FFmpeg says of this build (avcodec_license)
    r"libx26[45]": "GPL-2.0-or-later",
    r"libSvtAv1Enc": "BSD-3-Clause-Clear",
    r"libasound|libgnutls": "LGPL-2.1-or-later",
    r"libmp3lame": "LGPL-2.0-or-later",
    r"libgmp|libhogweed|libnettle|libunistring": GNU,
    r"libopencore-amr\w+": "Apache-2.0",
    r"libdav1d": "BSD-2-Clause",
    r"libopus|libsharpyuv|libwebp\w*|libvpx|libcrc32c": "BSD-3-Clause",
    r"libdrm|libvpl|libX\w+|libxcb[\w-]*": "MIT",
}

# Linked in statically, found in the files (`strings`) and in the projects' build scripts.
INSIDE: Final = {
    "cffi": (("libffi", "", "MIT"),),
    "pylibsrtp": (("libsrtp", "2.7.0", "BSD-3-Clause"), ("openssl", "3.5.4", "Apache-2.0")),
    "pywebrtc-audio": (("webrtc-audio-processing", "", "BSD-3-Clause"),),
}


def shared_libraries(site: Path) -> Iterator[Part]:
    """Yield every library in the *.libs folders of wheels (auditwheel puts them there).

    Raises PackagingError for one whose licence nobody has looked up.
    """
    for path in sorted(site.glob("*.libs/*.so*")):
        name, _, version = re.sub(r"-[0-9a-f]{8}(?=\.so)", "", path.name).partition(".so.")
        licence = next((LICENCES[each] for each in LICENCES if re.fullmatch(each, name)), "")
        if not licence:
            raise PackagingError(
                f"A wheel brings {name}, whose licence is unknown.",
                "Look it up, and add it to deploy/packaging/linked.py.",
            )
        where = (f"{SITE}/{path.parent.name}/{path.name}",)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield Part(name, version, licence, "", where, digest, kind="generic")


def linked_in(names: Iterable[str]) -> Iterator[tuple[str, Part]]:
    """Yield (name of the wheel's project, what is linked into its files) for these projects."""
    for owner in names:
        for name, version, licence in INSIDE.get(owner.lower(), ()):
            yield owner, Part(name, version, licence, "", (), kind="generic")
