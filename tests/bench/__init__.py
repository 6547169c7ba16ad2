"""Measurements from outside: ours, stock aiortc's and our rivals', on one bare service."""
