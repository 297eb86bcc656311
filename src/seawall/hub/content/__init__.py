"""Content: posts, accounts, their earlier versions, and what the detectors found."""
