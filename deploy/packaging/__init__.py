"""Builds the Debian package of the appliance; the command is `deploy/package`."""
