"""Settings that hold for the whole account."""
