"""The web server process: gunicorn with threads, settings from the command line, no configuration file."""

from __future__ import annotations

import argparse
import os
from typing import Any

from gunicorn.app.base import BaseApplication

from seawall.family import die_with_master, end_with_parent


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn over the hub's WSGI application."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from seawall.hub.wsgi import application

        return application


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the hub's pages.")
    parser.add_argument("--bind", required=True)
    parser.add_argument("--processes", type=int, default=int(os.environ.get("SEAWALL_WEB_PROCESSES", "2")))
    parser.add_argument("--threads", type=int, default=int(os.environ.get("SEAWALL_WEB_THREADS", "8")))
    parser.add_argument("--watch-stdin", action="store_true", help="Stop when standard input closes.")
    chosen = parser.parse_args()
    if chosen.watch_stdin:
        end_with_parent()
    Server(
        {
            "bind": chosen.bind,
            "workers": chosen.processes,
            "threads": chosen.threads,
            "worker_class": "gthread",
            "timeout": 60,
            "graceful_timeout": 10,
            "max_requests": 20_000,
            "max_requests_jitter": 2_000,
            "limit_request_line": 8_190,
            "accesslog": None,
            "loglevel": "warning",
            "proc_name": "seawall-web",
            "post_fork": die_with_master,
        }
    ).run()


if __name__ == "__main__":
    main()
