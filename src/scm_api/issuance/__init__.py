"""Judging a request and storing it, shared by enrolling, renewing and the worker."""
