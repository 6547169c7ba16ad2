"""The Voice Appliance: press a button, talk to the Realtime API."""
