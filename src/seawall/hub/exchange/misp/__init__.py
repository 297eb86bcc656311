"""A community's signals as a MISP feed, and the taxonomy of harms that its tags are from."""
