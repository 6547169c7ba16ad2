"""The pure parts of the package builder; `deploy/desktop package-test` tries whole packages."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from appliance.config import Config, load
from deploy.packaging import inputs, linked, papers, tree
from deploy.packaging.control import enabled_units, write_control
from deploy.packaging.parts import Part, read_part
from deploy.packaging.target import ROOT, SUITES, PackagingError, Target

EPOCH = 1_700_000_000
BOOKWORM = Target(SUITES["bookworm"], "arm64", "1.2.3")
TRIXIE = Target(SUITES["trixie"], "amd64", "1.2.3")

METADATA = """\
Metadata-Version: 2.4
Name: Some-Thing
Version: 4.5
License-Expression: MIT
"""


def wheel(path: Path, content: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def some_thing(site: Path, bill: object = None) -> Part:
    info = site / "some_thing-4.5.dist-info"
    tree.put(info / "METADATA", METADATA)
    tree.put(info / "RECORD", "some_thing/__init__.py,,\nsome_thing-4.5.dist-info/METADATA,,\n")
    tree.put(info / "licenses/LICENSE", "Copyright (c) 2020 Ada Able.\n\nDo as you like.\n")
    tree.put(site / "some_thing/__init__.py", "")
    if bill is not None:
        tree.put(info / "sboms/auditwheel.cdx.json", json.dumps(bill))
    return read_part(info, "ab" * 32)


def test_package_of_the_newer_debian_is_the_newer_package() -> None:
    versions = [BOOKWORM.version, TRIXIE.version]
    assert versions == ["1.2.3-1~deb12", "1.2.3-1~deb13"]
    assert BOOKWORM.file_name == "voice-appliance_1.2.3-1~deb12_arm64.deb"


@pytest.mark.parametrize(
    ("target", "newest"), [(BOOKWORM, "2_36_aarch64"), (TRIXIE, "2_41_x86_64")]
)
def test_wheels_for_a_newer_libc_are_not_taken(target: Target, newest: str) -> None:
    assert target.platforms[0] == f"manylinux_{newest}"
    assert f"manylinux_2_17_{target.machine}" in target.platforms


def test_lock_files_hold_nothing_that_debian_brings_and_no_marker() -> None:
    for target in (BOOKWORM, TRIXIE):
        names = set(inputs.locked(inputs.lock_file(target).read_text()))
        assert {"aiortc", "lgpio", "msgspec", "pywebrtc-audio"} <= names
        assert not names & {"numpy", "pyaudio", "systemd-python", "setuptools", "pytest"}
        assert ("av" in names) == (target is BOOKWORM)


@pytest.mark.parametrize("line", ["thing>=1", "thing==1", "thing==1 ; x --hash=sha256:" + "a" * 64])
def test_requirement_that_is_not_locked_is_refused(line: str) -> None:
    with pytest.raises(PackagingError, match="is not locked"):
        inputs.locked(line)


def test_device_takes_the_versions_that_are_tested_on_the_desktop() -> None:
    text = (ROOT / "deploy/requirements/desktop.txt").read_text()
    for target in (BOOKWORM, TRIXIE):
        for name, (version, _) in inputs.locked(inputs.lock_file(target).read_text()).items():
            assert f"\n{name}=={version} " in f"\n{text}" or name == "lgpio"


def test_wheel_is_unpacked_without_its_scripts(tmp_path: Path) -> None:
    path = wheel(tmp_path / "a.whl", {"a/b.py": "1", "a-1.data/scripts/a": "2"})
    inputs.unpack(path, tmp_path / "site")
    assert [each.name for each in tree.files(tmp_path / "site")] == ["b.py"]


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "taken.py"])
def test_wheel_can_neither_leave_its_place_nor_replace_another(tmp_path: Path, name: str) -> None:
    tree.put(tmp_path / "site/taken.py", "kept")
    with pytest.raises(PackagingError, match="may not bring"):
        inputs.unpack(wheel(tmp_path / "a.whl", {name: "x"}), tmp_path / "site")
    assert (tmp_path / "site/taken.py").read_text() == "kept"


def test_copyright_names_owner_licence_and_text_of_each_part(tmp_path: Path) -> None:
    text = papers.copyright_file([some_thing(tmp_path)])
    assert "Files: usr/lib/voice-appliance/site/some_thing-4.5.dist-info/*\n" in text
    assert "Copyright: 2020 Ada Able\nLicense: Some-Thing-licence\n MIT\n .\n" in text
    assert " Do as you like." in text


def test_bill_holds_hash_and_once_what_a_wheel_says_is_inside(tmp_path: Path) -> None:
    inner = {"type": "library", "name": "libsmall", "version": "165", "bom-ref": "x"}
    part = some_thing(tmp_path, {"components": [inner, inner | {"bom-ref": "y"}]})
    made = papers.bill_of_materials(BOOKWORM, [part], tmp_path, EPOCH)
    (component,) = made["components"]
    assert component["purl"] == "pkg:pypi/some-thing@4.5"
    assert component["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert component["licenses"] == [{"expression": "MIT"}]
    assert [each["bom-ref"] for each in component["components"]] == [
        "pkg:pypi/some-thing@4.5#libsmall@165"
    ]


def test_bill_names_what_a_wheel_hides(tmp_path: Path) -> None:
    part = Part("pylibsrtp", "1.0", "BSD-3-Clause", "", ())
    made = papers.bill_of_materials(TRIXIE, [part], tmp_path, EPOCH)
    assert [each["name"] for each in made["components"][0]["components"]] == ["libsrtp", "openssl"]


def test_libraries_that_come_with_a_wheel_are_named_with_their_licence(tmp_path: Path) -> None:
    tree.put(tmp_path / "av.libs/libx264-d6533a8d.so.165", "")
    (part,) = linked.shared_libraries(tmp_path)
    assert (part.name, part.version, part.licence) == ("libx264", "165", "GPL-2.0-or-later")
    assert "common-licenses/GPL-2." in papers.copyright_file([part])


def test_library_whose_licence_nobody_knows_stops_the_build(tmp_path: Path) -> None:
    tree.put(tmp_path / "av.libs/libnew-d6533a8d.so.1", "")
    with pytest.raises(PackagingError, match="libnew, whose licence is unknown"):
        list(linked.shared_libraries(tmp_path))


def test_settings_are_dpkgs_to_keep_and_scripts_know_the_units(tmp_path: Path) -> None:
    tree.lay_program(tmp_path)
    write_control(tmp_path, TRIXIE)
    control = tmp_path / "DEBIAN"
    assert (control / "conffiles").read_text() == "/etc/voice-appliance/config.toml\n"
    assert "voice-appliance.service" in enabled_units()
    for script in ("postinst", "prerm", "postrm"):
        assert f'units="{" ".join(enabled_units())}"' in (control / script).read_text()
    assert "python3-av (>= 14)" in (control / "control").read_text()


def test_package_by_another_name_says_so_itself(tmp_path: Path) -> None:
    """The updater asks the appliance for its version, and compares it with the package's."""
    tree.lay_program(tmp_path, "7.8.9")
    about = (tmp_path / tree.SITE / "appliance/__init__.py").read_text()
    assert '__version__ = "7.8.9"' in about


def test_repair_is_where_its_unit_looks_for_it(tmp_path: Path) -> None:
    tree.lay_program(tmp_path)
    unit = tmp_path / "usr/lib/systemd/system/voice-appliance-mend.service"
    script = f"/{tree.LIBRARY}/mend"
    assert f"ExecStart=/bin/sh {script}\n" in unit.read_text()
    tree.settle(tmp_path, EPOCH)
    assert (tmp_path / script[1:]).stat().st_mode & 0o777 == 0o755


def test_no_key_and_no_compiled_python_is_ever_shipped(tmp_path: Path) -> None:
    tree.lay_program(tmp_path)
    names = [path.name for path in tree.files(tmp_path)]
    assert "openai_api_key" not in names
    assert not [name for name in names if name.endswith(".pyc")]
    assert "voice-appliance.service" in names


def test_same_tree_settles_to_the_same_rights_and_times(tmp_path: Path) -> None:
    tree.lay_program(tmp_path)
    tree.settle(tmp_path, EPOCH)
    modes = {path.stat().st_mode & 0o777 for path in tree.files(tmp_path)}
    assert modes == {0o644, 0o755}
    programs = re.findall(r"(?m)^ExecStart=/(\S+)", "".join(
        path.read_text() for path in (tmp_path / "usr/lib/systemd/system").iterdir()
    ))  # fmt: skip
    ours = {program for program in programs if "voice-appliance" in program}
    assert {"usr/bin/voice-appliance", *tree.ROOT_PROGRAMS} <= ours
    assert {(tmp_path / program).stat().st_mode & 0o777 for program in ours} == {0o755}
    assert {path.stat().st_mtime for path in tmp_path.rglob("*")} == {EPOCH}


def test_examples_in_the_shipped_settings_are_real_settings(tmp_path: Path) -> None:
    text = (tree.DEBIAN / "config.toml").read_text()
    tree.put(tmp_path / "config.toml", text)
    assert load(tmp_path / "config.toml").config == Config()
    examples = [line[1:] for line in text.splitlines() if line[:1] == "#" and line[1:2].strip()]
    tree.put(tmp_path / "config.toml", "\n".join(examples))
    assert load(tmp_path / "config.toml").config.panel == Config().panel
    assert len(load(tmp_path / "config.toml").origins) > 8
