"""Entrust Certificate Services (ECS) and CA Gateway."""
