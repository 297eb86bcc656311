"""The directory: organisations, desks (partitions), people and their roles, platforms with their rules and routes."""
