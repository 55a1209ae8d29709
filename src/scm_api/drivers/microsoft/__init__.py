"""The driver of Microsoft AD CS."""
