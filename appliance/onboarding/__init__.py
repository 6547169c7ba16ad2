"""Sets up the Wi-Fi when no network is known: a network of our own, with one page. Runs as root.

`machine` decides, `nmcli` reads what NetworkManager says, `form` checks what was typed, `pages`
writes HTML (all pure); `program` does what `machine` orders through the ports `Radio` and `Page`,
which are `radio` and `server`; `password` keeps what the person needs to get in.
"""
