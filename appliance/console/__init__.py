"""The doors of a running appliance: the same small API for the command line and the browser."""
