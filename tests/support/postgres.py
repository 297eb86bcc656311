"""A pytest plugin that is loaded before Django's settings are: starts an embedded PostgreSQL for the run, unless DATABASE_URL names one.

Workers of pytest-xdist inherit the address and get a database each (pytest-django names them).
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from seawall.postgres import EmbeddedPostgres

if "SEAWALL_TEST_HOME" not in os.environ:
    home = Path(tempfile.mkdtemp(prefix="seawall-test-"))
    home.chmod(0o755)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["SEAWALL_TEST_HOME"] = str(home)
    if not os.environ.get("DATABASE_URL"):
        server = EmbeddedPostgres(home=home / "postgres", durable=False)
        os.environ["SEAWALL_EMBEDDED_URL"] = server.acquire()
        atexit.register(server.release)
os.environ["SEAWALL_HOME"] = os.environ["SEAWALL_TEST_HOME"]
