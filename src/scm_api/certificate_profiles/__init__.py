"""Certificate profiles: what may be issued through one CA backend, and for whom."""
