"""Asking for a certificate and following what becomes of it."""
