#!/bin/sh
# After the essential packages: programs that every package would call, and that are slow here, wait for the end.
set -eu
root="$1"
mkdir -p "$root/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=zstd\nRESUME=none\nFSTYPE=ext4\n' >"$root/etc/initramfs-tools/conf.d/voice-appliance"
# The card readers of the boards, and the disks of the machine that tries the image.
printf '%s\n' ext4 crc32c mmc_block sdhci sdhci-pltfm sdhci-iproc bcm2835 bcm2835-dma i2c-bcm2835 fixed gpio-regulator \
  sdhci-brcmstb virtio_pci virtio_mmio virtio_blk >"$root/etc/initramfs-tools/modules"
for program in /usr/sbin/update-initramfs /usr/bin/py3compile /usr/bin/py3clean /usr/bin/python3.13; do
  mkdir -p "$root$(dirname "$program")"
  chroot "$root" dpkg-divert --quiet --local --rename --divert "$program.real" --add "$program"
  printf '#!/bin/sh\nexit 0\n' >"$root$program"
  chmod 755 "$root$program"
done
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
