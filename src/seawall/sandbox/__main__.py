"""``python -m seawall.sandbox``: serve the four demonstration platforms on loopback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from seawall.sandbox.server import CannotServe, Settings, serve


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0: the last one used here, or any free one.")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the state.")
@click.option("--control-token", envvar="SEAWALL_SANDBOX_TOKEN", required=True, help="Bearer token for /control/.")
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the ready line here.")
@click.option("--watch-stdin", is_flag=True, help="Stop when standard input closes.")
def main(port: int, state: Path, control_token: str, ready_file: Path | None, watch_stdin: bool) -> None:
    """Serve four demonstration platforms on 127.0.0.1 until SIGTERM.

    When ready, one line of JSON on standard output names port, base_url and pid.
    """
    os.environ.pop("SEAWALL_SANDBOX_TOKEN", None)
    if not control_token.strip():
        raise click.UsageError("The control token must not be empty.")
    try:
        serve(
            Settings(
                port=port,
                folder=state.resolve(),
                control_token=control_token,
                ready_file=ready_file,
                watch_stdin=watch_stdin,
            )
        )
    except CannotServe as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m seawall.sandbox")
