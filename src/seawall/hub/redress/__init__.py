"""Redress: what members of the public report, and how they follow it."""
