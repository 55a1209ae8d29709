"""Renewing many certificates with one request, and watching how far it is."""
