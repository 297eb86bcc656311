"""The demonstration: a made-up hub that plays real posts through the whole way, and says so on every page."""
