"""One API for every certificate authority a company buys from."""

import gc

__version__ = "0.1.0"

# What is imported stays. Looking through it for garbage every 700 objects takes a seventh of a
# process's start, and later lengthens answers.
gc.set_threshold(50_000)
