"""An embedded PostgreSQL: a real server that the first program starts and the last one stops. No Django here."""

from seawall.postgres.errors import PostgresError
from seawall.postgres.server import EmbeddedPostgres, Status

__all__ = ["EmbeddedPostgres", "PostgresError", "Status"]
