"""Audit events: who did what, and when."""
