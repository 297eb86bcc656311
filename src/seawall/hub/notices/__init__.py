"""Formal notices and removal orders: drafts, officers, reviews and what follows an order."""
