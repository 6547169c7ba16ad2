"""The Voice Appliance: press a button, talk to the Realtime API."""

__version__ = "0.1.0"
