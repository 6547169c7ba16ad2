"""Tests in a whole machine: Debian with systemd and kernel devices, under user-mode Linux."""
