"""Seawall: a hub that finds online harm, tells it from help, refers it and shows what came of it."""

__version__ = "0.1.0"
