"""Benchmarks of the real service; see README.md. They are no tests and never fail on a time."""
