#!/bin/sh
# After all packages: the appliance, its settings, the boot partition; then what must not be on two cards is taken out.
#   customize.sh ROOT    the appliance's package lies in ROOT/var/cache, our files have been laid over ROOT
set -eu
root="${1:?customize.sh ROOT}"
[ "$(readlink -f "$root")" != / ] || { echo "customize.sh is for another system than this one" >&2; exit 1; }
say() { printf '   %s\n' "$*" >&2; }

say 'the appliance'
chroot "$root" sh -c 'DEBIAN_FRONTEND=noninteractive dpkg --force-confold --install /var/cache/*.deb' >&2
back="$root/var/lib/voice-appliance-update" # the updater goes back to this package if a newer one does not work
mkdir -p "$back"
install -m 644 "$root"/var/cache/*.deb "$back/"
rm -f "$root"/var/cache/*.deb
for program in /usr/sbin/update-initramfs /usr/bin/py3compile /usr/bin/py3clean /usr/bin/python3.13; do
  rm -f "$root$program"
  chroot "$root" dpkg-divert --quiet --local --rename --remove "$program"
done
rm -f "$root/usr/sbin/policy-rc.d" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

say 'services'
chroot "$root" systemctl -q enable voice-appliance.service voice-appliance-data.service nftables.service NetworkManager.service \
  avahi-daemon.service systemd-timesyncd.service
chroot "$root" systemctl -q add-wants multi-user.target voice-appliance-first-boot.service voice-appliance-onboarding.service
chroot "$root" systemctl -q disable ssh.service ssh.socket 2>/dev/null || true
chroot "$root" systemctl -q mask getty@.service serial-getty@.service NetworkManager-wait-online.service man-db.timer \
  e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer
printf '[zram0]\nzram-size = ram / 2\ncompression-algorithm = zstd\n' >"$root/etc/systemd/zram-generator.conf"
# Nobody has a password: neither root nor, later, the user who comes with a key.
sed -i 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"

say 'Python, compiled'
compile='-q -j 0 --invalidation-mode unchecked-hash'
places='/usr/lib/python3.13 /usr/lib/python3/dist-packages /usr/lib/voice-appliance/site'
if [ -n "${PYTHON_313:-}" ]; then
  set --
  for place in $places; do set -- "$@" "$root$place"; done
  # shellcheck disable=SC2086  # the words of the options
  "$PYTHON_313" -m compileall $compile -s "$root" -p / "$@" >&2 || true
else
  # shellcheck disable=SC2086
  chroot "$root" python3 -m compileall $compile $places >&2 || true
fi

say 'the boot partition'
version="$(ls "$root/usr/lib/modules" | sort -V | tail -n 1)"
firmware="$root/boot/firmware"
rm -rf "$firmware"              # raspi-firmware puts more there than these boards start from
mkdir -p "$firmware"
chroot "$root" mkinitramfs -o "/boot/initrd.img-$version" "$version" >&2
# The board starts these; the same 47 MB a second time would start nothing.
mv "$root/boot/initrd.img-$version" "$firmware/initramfs8"
mv "$root/boot/vmlinuz-$version" "$firmware/kernel8.img"
rm -f "$root"/initrd.img* "$root"/vmlinuz*
for name in bootcode.bin start.elf fixup.dat start4.elf fixup4.dat; do
  cp "$root/usr/lib/raspi-firmware/$name" "$firmware/"
done
cp "$root/usr/lib/linux-image-$version"/broadcom/bcm2*-rpi-*.dtb "$firmware/"

say 'cleaning'
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id" "$root/var/lib/dbus/machine-id" "$root/etc/resolv.conf" \
  "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/0000* "$root/etc/apt/apt.conf.d/99mmdebstrap"
: >"$root/etc/machine-id"       # empty, not "uninitialized": that would make systemd enable what presets allow
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/var/cache/ldconfig/aux-cache \
  "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/lib/systemd/random-seed "$root"/var/lib/systemd/credential.secret \
  "$root"/etc/*- "$root"/var/tmp/*
# Not tmp: mmdebstrap keeps its apt.conf there, and without it its apt would work on the machine that builds.
mkdir -p "$root/var/lib/voice-appliance"

if [ -d "$root/twin" ]; then    # see twin.sh; from here on everything is emulated
  umount "$root/twin"
  rmdir "$root/twin"
  find "$root/usr/lib" -maxdepth 1 -type l -lname '/twin/*' -delete
fi
