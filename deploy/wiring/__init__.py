"""Draws the wiring guide: picture, schematic and the LED's patterns, as SVG made from the code.

`python -m deploy.wiring` writes them beside this file. They show the default pins of
`config.PanelConfig` and the patterns of `core.lights`; tests/deploy/test_wiring.py tells when those
have changed and the pictures have not.
"""
