"""Drivers: the one place for each device and the library that knows it."""
