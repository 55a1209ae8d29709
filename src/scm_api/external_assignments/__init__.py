"""Whom CAs know an organization as: one external organization for each CA backend."""
