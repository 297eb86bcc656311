"""What commands say to the person who runs them: plain lines on standard error, and a bar that counts posts."""

from __future__ import annotations

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def error_console() -> Console:
    """Standard error, never coloured, cut or taken for markup: what it is told may hold anything."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


def posts_progress(console: Console) -> Progress:
    """A bar on `console` that counts posts and goes away when done; nothing where nobody watches, as in a pipe."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
