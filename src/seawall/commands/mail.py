"""`seawall mail`: take in a mail that platforms wrote about a referral."""

from __future__ import annotations

import sys

import click

from seawall.commands.bootstrap import hub

EX_NOUSER, EX_TEMPFAIL = 67, 75  # what mail servers understand (sysexits.h): no such recipient; try again later
MOST = 26_214_400  # bytes of a mail that are read from the server; the rest is not looked at


@click.command()
@click.option("--recipient", default="", help="The address that it was sent to, as the mail server knows it.")
@click.option(
    "--return-path", default=None, help="The envelope's sender, as the mail server knows it; empty for a bounce."
)
def mail(recipient: str, return_path: str | None) -> None:
    """Read one mail from standard input and take it in. A mail server hands mail for the reply address over so (docs/how-to).

    Exit codes: 0 taken in, or known already; 67 it belongs to no referral, so the server should send it back; 75 the database cannot be
    reached, so the server should try again.
    """
    raw = sys.stdin.buffer.read(MOST)
    if not raw.strip():
        raise click.ClickException("There is no mail on standard input. Let the mail server pipe it in.")
    try:
        with hub():
            from django.db import Error

            from seawall.hub.referrals.mail import NotForUs, receive

            try:
                kept = receive(raw=raw, recipient=recipient, return_path=return_path)
            except NotForUs as refused:
                click.echo(str(refused), err=True)
                sys.exit(EX_NOUSER)
            except Error as error:
                click.echo(f"The database failed: {str(error).strip()}", err=True)
                sys.exit(EX_TEMPFAIL)
            click.echo(f"{kept.get_kind_display()}, for {kept.referral}.")
    except click.ClickException as unready:
        click.echo(unready.format_message(), err=True)
        sys.exit(EX_TEMPFAIL)
