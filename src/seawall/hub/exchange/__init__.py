"""Communities of organisations that share signals, so that harm cannot move next door, and undo them everywhere when they were wrong."""
