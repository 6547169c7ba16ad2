"""Functions the model may call."""
