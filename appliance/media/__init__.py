"""The audio line: between the sound card's clock and the call's two tracks."""
