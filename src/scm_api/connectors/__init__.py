"""Connectors and the local CA backends they hold."""
