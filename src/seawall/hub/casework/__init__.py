"""Casework: the queue, cases, decisions and second review."""
