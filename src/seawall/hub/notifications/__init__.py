"""Telling people what waits for them: in the hub, by mail, and their software by webhook."""
