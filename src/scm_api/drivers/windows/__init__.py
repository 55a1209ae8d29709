"""Clients of Windows protocols, as Active Directory and IIS speak them; nothing here knows of a
certificate authority."""
