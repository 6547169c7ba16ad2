"""One call with the service: signalling, peer connection, sideband."""
