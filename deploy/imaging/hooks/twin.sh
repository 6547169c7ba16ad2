#!/bin/sh
# Once the essential packages are unpacked: the tree of twins is bound into the tree that is being built.
#   twin.sh ROOT TWINS TRIPLET
set -eu
mkdir -p "$1/twin"
mount --bind "$2" "$1/twin"
mount -o remount,bind,ro "$1/twin"      # whatever goes wrong, nothing is deleted through it
ln -s "/twin/usr/lib/$3" "$1/usr/lib/$3"
