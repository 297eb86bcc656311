"""`seawall serve`: the web pages and the background work, until it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import click

from seawall.commands.bootstrap import hub
from seawall.postgres import EmbeddedPostgres, PostgresError

RESTARTS = 5  # within RESTART_WINDOW seconds, before a part that keeps dying ends the whole
RESTART_WINDOW = 60.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to serve on.")
@click.option("--web-only", is_flag=True, help="No background work here; run `seawall worker` elsewhere.")
@click.option(
    "--labels-port", type=click.IntRange(1, 65535), help="Serve the stream of AT Protocol labels too, on this port."
)
def serve(host: str, port: int, web_only: bool, labels_port: int | None) -> None:
    """Serve the hub's pages and do its background work, until Ctrl-C."""
    check_port(host, port)
    if labels_port is not None:
        check_port(host, labels_port)
    with hub() as database:
        _refuse_to_show_a_demonstration(host)
        if labels_port is not None:
            _refuse_labels_without_a_name()
        _collect_static_files()
        serve_until_stopped(host=host, port=port, worker=not web_only, labels_port=labels_port, database=database)


def _refuse_to_show_a_demonstration(host: str) -> None:
    from django.conf import settings

    if settings.DEMONSTRATION and host not in ("127.0.0.1", "localhost", "::1"):
        raise click.ClickException(
            "This hub is a demonstration, and its passwords are public: it serves on loopback only."
        )


def _refuse_labels_without_a_name() -> None:
    from seawall.hub.exchange.labels.identity import NO_NAME, own_did

    if own_did() is None:
        raise click.ClickException(NO_NAME)


def _collect_static_files() -> None:
    """A home that never migrated, beside a database that another one did, has none; without them every page would fail."""
    from django.conf import settings
    from django.core.management import call_command

    if not (settings.STATIC_ROOT / "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)


def check_port(host: str, port: int) -> None:
    """Raises ClickException with a sentence when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"Port {port} on {host} cannot be used ({error.strerror}). Stop what uses it, or choose another: --port {port + 1}."
            ) from error


def serve_until_stopped(
    *,
    host: str,
    port: int,
    worker: bool = True,
    labels_port: int | None = None,
    database: EmbeddedPostgres | None = None,
    before: Callable[[str], None] = lambda _url: None,
) -> None:
    """Run the web server, a worker and the stream of labels as children, as asked; stop all on Ctrl-C or SIGTERM.

    One that dies is started again, and the embedded `database` too.

    All end when this process is killed.
    """
    from django.db import connections

    connections.close_all()
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    os.environ.setdefault("SEAWALL_PUBLIC_URL", url)
    parts: dict[str, list[str]] = {
        "web": [sys.executable, "-m", "seawall.hub.server", "--watch-stdin", "--bind", f"{shown}:{port}"]
    }
    if worker:
        parts["worker"] = [sys.executable, "-m", "seawall", "worker", "--watch-stdin"]
    if labels_port is not None:
        stream = ["--watch-stdin", "--host", host, "--port", str(labels_port)]
        parts["labels"] = [sys.executable, "-m", "seawall", "labels", *stream]
    running: dict[str, subprocess.Popen[bytes]] = {}
    deaths: dict[str, list[float]] = {name: [] for name in parts}
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    previous = {kind: signal.signal(kind, stop) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        for name, command in parts.items():
            running[name] = _start(command)
        before(url)
        click.echo(f"Serving on {url} (Ctrl-C stops it).")
        while not stopping:
            time.sleep(0.2)
            if database is not None:
                keep_running(database)
            for name, process in running.items():
                if stopping or process.poll() is None:
                    continue
                now = time.monotonic()
                deaths[name] = [at for at in deaths[name] if now - at < RESTART_WINDOW] + [now]
                if len(deaths[name]) > RESTARTS:
                    raise click.ClickException(
                        f"The {name} process keeps ending (last status {process.returncode}). See the messages above."
                    )
                click.echo(f"The {name} process ended with status {process.returncode}; starting it again.", err=True)
                running[name] = _start(parts[name])
    finally:
        for process in running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 20
        for process in running.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for kind, handler in previous.items():
            signal.signal(kind, handler)
    click.echo("Stopped.")


def keep_running(database: EmbeddedPostgres) -> None:
    """Start the server again if it has ended. Raises ClickException with a sentence when it cannot be started."""
    if database.status().state != "stopped":
        return
    click.echo("The database ended; starting it again.", err=True)
    try:
        database.acquire()
    except PostgresError as error:
        raise click.ClickException(str(error)) from error
    database.release()  # what we had before still counts


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process only, which then ends its parts in order.
    # It watches its standard input, whose other end nobody but this process holds.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  (our own interpreter and modules)
