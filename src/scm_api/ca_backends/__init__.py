"""CA backends: what profiles refer to, their status, and what the CA offers."""
