"""Updates from a signed channel: fetch, install, prove, or put the old version back."""
