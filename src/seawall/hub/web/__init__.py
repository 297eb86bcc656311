"""Shared templates, components and static files of the hub's pages; no models and no routes of its own."""
