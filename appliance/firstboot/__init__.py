"""The first boot: applies `voice-appliance.toml` of the card's boot partition, as root.

`letter` reads bytes as editors leave them, `statements` reads them line by line, `plan` decides
(all pure); `apply` acts, `report` tells, `__main__` is what the unit runs.
"""
