"""A whole visit on one computer: the real daemon's parts, a virtual sound card, a local service."""
