"""Decisions, pure: what the appliance does next."""
