"""Oversight: scorecards and published figures, computed from the ledger alone."""
