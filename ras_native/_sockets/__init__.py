"""Connecting as WSAConnect does: one socket, or many targets at once."""
