"""Formats that others read: pure functions from the hub's documents to bytes and text. No Django, no network."""
