"""Builds the card image; the command is `deploy/image`."""
