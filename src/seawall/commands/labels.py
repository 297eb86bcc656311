"""`seawall labels`: the stream of labels, and what a labeler's account needs."""

from __future__ import annotations

import json

import click

from seawall.commands.bootstrap import hub
from seawall.family import end_with_parent


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve the stream on.")
@click.option(
    "--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--identity", is_flag=True, help="Serve nothing: print what the DID document of the labeler must hold.")
@click.option("--declaration", is_flag=True, help="Serve nothing: print the record app.bsky.labeler.service.")
@click.option("--watch-stdin", is_flag=True, hidden=True, help="Stop when standard input closes.")
def labels(host: str, port: int, identity: bool, declaration: bool, watch_stdin: bool) -> None:
    """Serve the stream of AT Protocol labels (com.atproto.label.subscribeLabels) until Ctrl-C.

    Everything else of the labeler is served by `seawall serve`; a proxy leads that one path here.
    """
    if watch_stdin:
        end_with_parent()
    with hub():
        from seawall.hub.exchange.labels.identity import NO_NAME, LabelKeyUnusable, entries, own_did
        from seawall.hub.exchange.labels.identity import declaration as declared
        from seawall.hub.exchange.labels.queries import since

        did = own_did()
        if did is None:
            raise click.ClickException(NO_NAME)
        try:
            if identity:
                click.echo(json.dumps({"id": did, **entries(did)}, indent=2))
            elif declaration:
                click.echo(json.dumps(declared(since()), indent=2, ensure_ascii=False))
            else:
                _serve(host, port)
        except LabelKeyUnusable as problem:
            raise click.ClickException(str(problem)) from problem


def _serve(host: str, port: int) -> None:
    import asyncio
    import signal

    from seawall.hub.exchange.labels.stream import PATH, run

    shown = f"[{host}]" if ":" in host else host

    async def serve() -> None:
        stop = asyncio.Event()
        for kind in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(kind, stop.set)
        await run(
            host,
            port,
            stop=stop,
            ready=lambda at: click.echo(f"Labels stream on ws://{shown}:{at}{PATH} (Ctrl-C stops it)."),
        )

    try:
        asyncio.run(serve())
    except OSError as error:
        raise click.ClickException(
            f"Port {port} on {host} cannot be used ({error.strerror}). Stop what uses it, or choose another with --port."
        ) from error
    click.echo("Stopped.")
