"""Declared incidents: faster clocks, a standing channel, counts every quarter of an hour, and a debrief at the end."""
