"""The hub: the Django project. Each folder is a noun that a caseworker knows."""
