"""A community's signals as a file, for a person or for software, and what becomes of the file."""
