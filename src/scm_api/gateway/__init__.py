"""The way to the CAs, shared by requests and workers: open drivers, pacing, known health."""
