"""One API for every certificate authority a company buys from."""

import gc

__version__ = "0.1.0"

# What is imported stays: looking through it for garbage every 700 objects takes a fifth of a
# process's start. It has 250,000 objects; the first look is at what comes after them.
gc.set_threshold(400_000)


def set_aside_imports() -> None:
    """For a process that has started and stays: collections are more frequent from now on, but none
    looks at what is there already, which would hold up every request for a tenth of a second."""
    gc.freeze()
    gc.set_threshold(50_000)
