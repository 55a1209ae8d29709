"""One API for every certificate authority a company buys from."""

__version__ = "0.1.0"
