"""A Debian of its own in a folder: real dpkg on another root, as any user; scripted systemd."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DPKG = shutil.which("dpkg")
ARCHITECTURE = (
    subprocess.run(  # noqa: S603 - fixed words
        [DPKG, "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if DPKG
    else ""
)
MEND = Path(__file__).resolve().parents[2] / "deploy" / "debian" / "mend"

SYSTEMCTL = """\
#!/bin/sh
# Knows one unit; it runs what is installed, unless a file says that it does not start.
echo "$*" >>"{place}/systemctl.log"
case "$1" in
  stop) rm -f "{place}/running" ;;
  start)
    version="$(cat "{root}/usr/lib/voice-appliance/version")"
    [ -e "{place}/running" ] || [ -e "{place}/dead-$version" ] ||
      echo "$version $$" >"{place}/running"
    ;;
  show)
    read -r version pid 2>/dev/null <"{place}/running" || pid=0
    [ ! -e "{place}/restless" ] || pid=$$
    [ "$pid" = 0 ] && state=inactive || state=active
    printf 'ActiveState=%s\\nSubState=running\\nMainPID=%s\\n' "$state" "$pid"
    ;;
  is-system-running) cat "{place}/system" 2>/dev/null || echo running ;;
esac
"""

APPLIANCE = """\
#!/bin/sh
# `voice-appliance status --json` of what runs.
[ "$RUNTIME_DIRECTORY" = /run/voice-appliance ] || exit 9
[ -e "{place}/running" ] || exit 3
read -r version pid <"{place}/running"
printf '{{"version": "%s", "uptime": 3, "model": {{"phase": "%s"}}}}' \\
  "${{version%-*}}" "$(cat "{place}/phase" 2>/dev/null || echo idle)"
"""

HOLD_LOCK = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


class Debian:
    """`root`: where packages go; `store`: the updater's folder; `place`: for everything else."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root = place / "root"
        self.store = place / "store"
        self.admin = self.root / "var/lib/dpkg"
        self.commands = place / "bin"
        for folder in (self.store, self.commands, self.admin / "info", self.admin / "updates"):
            folder.mkdir(parents=True)
        (self.admin / "status").touch()
        options = f"--root={self.root} --force-not-root,script-chrootless"
        self.script("dpkg", f'#!/bin/sh\nexec {shutil.which("dpkg")} {options} "$@"\n')
        query = shutil.which("dpkg-query")
        self.script("dpkg-query", f'#!/bin/sh\nexec {query} --admindir={self.admin} "$@"\n')
        self.script("systemctl", SYSTEMCTL.format(place=place, root=self.root))
        self.script("voice-appliance", APPLIANCE.format(place=place))
        self.script("apt-get", f'#!/bin/sh\necho "$*" >>{place}/apt.log\nexit 100\n')

    @property
    def path(self) -> str:
        return f"{self.commands}:{os.environ['PATH']}:/usr/sbin:/sbin"

    def script(self, name: str, text: str) -> None:
        (self.commands / name).write_text(text)
        (self.commands / name).chmod(0o755)

    def package(
        self, version: str, into: Path | None = None, *, name: str = "voice-appliance",
        architecture: str = ARCHITECTURE, depends: str = "", scripts: Mapping[str, str] = {},
    ) -> Path:  # fmt: skip
        """Build a package with fifty files, each of which tells its version."""
        tree = self.place / f"tree-{version}"
        library = tree / "usr/lib/voice-appliance"
        library.mkdir(parents=True)
        (library / "version").write_text(version)
        for number in range(50):
            (library / f"file{number}").write_text(version)
        (tree / "etc/voice-appliance").mkdir(parents=True)
        (tree / "etc/voice-appliance/config.toml").write_text(f"# {version}\n")
        control = tree / "DEBIAN"
        control.mkdir()
        (control / "conffiles").write_text("/etc/voice-appliance/config.toml\n")
        (control / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
            f"Maintainer: nobody <nobody@localhost>\nInstalled-Size: 60\nDescription: a test\n"
            + (f"Depends: {depends}\n" if depends else "")
        )
        for script, text in scripts.items():
            (control / script).write_text(f"#!/bin/sh\n{text}\n")
            (control / script).chmod(0o755)
        file = (into or self.store) / f"voice-appliance_{version}_{architecture}.deb"
        subprocess.run(  # noqa: S603 - fixed words
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree), str(file)],  # noqa: S607
            check=True, capture_output=True,
        )  # fmt: skip
        shutil.rmtree(tree)
        return file

    def versions(self) -> set[str]:
        """The versions that the files in the tree are of."""
        library = self.root / "usr/lib/voice-appliance"
        return {file.read_text() for file in library.iterdir()}

    @contextmanager
    def another_installer(self) -> Iterator[None]:
        """Hold the lock of apt in another process."""
        command = [sys.executable, "-c", HOLD_LOCK, str(self.admin / "lock-frontend")]
        with subprocess.Popen(  # noqa: S603 - ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            yield
            holder.communicate()

    def mend(self) -> "subprocess.CompletedProcess[str]":
        """Run the repair as its unit does."""
        return subprocess.run(  # noqa: S603 - ours
            ["/bin/sh", str(MEND)], check=False, capture_output=True, text=True,
            env={**os.environ, "PATH": self.path, "STATE_DIRECTORY": str(self.store)},
        )  # fmt: skip
