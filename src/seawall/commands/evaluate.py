"""`seawall evaluate`: a detector against suites of cases, every figure with its interval. Needs no database."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import click
import numpy as np
from rich.console import Console

from seawall.commands.console import error_console, posts_progress
from seawall.commands.detectors import detector_for, thresholds_of
from seawall.commands.evaluate_report import Evaluation, print_report
from seawall.detect import FAMILIES
from seawall.detect.evaluation import chances_of, evaluate_cases
from seawall.detect.limits import FIGURES, hold, read_limit, read_share
from seawall.detect.peers import KINDS, Lexicon, Peer, PeerError, Verdict, compare, open_peer
from seawall.detect.pipeline import PROFILES, Finding, Profile
from seawall.detect.scorer import ModelError
from seawall.detect.suite import GROUPS, Case, SuiteError, read_suite, shipped, told

EXIT_FAILED: Final = 1
EXIT_FILE: Final = 2
EXIT_MISSED: Final = 3
EXIT_STOPPED: Final = 130
BATCH: Final = 128
SHIPPED: Final = "held-out part of the shipped suite"
SEED: Final = 1

T = TypeVar("T")


class Assessor(Protocol):
    """What is evaluated."""

    @property
    def version(self) -> str: ...

    @property
    def thresholds(self) -> Mapping[str, float]: ...

    def assess(self, texts: Sequence[str], *, reasons: bool = True) -> list[Finding]: ...


def _option(read: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], list[T]]:
    """A callback for a repeatable option; what `read` complains of becomes a usage error."""

    def callback(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[T]:
        try:
            return [read(each) for each in given]
        except ValueError as problem:
            raise click.BadParameter(str(problem)) from problem

    return callback


def _threshold(given: str) -> tuple[str, float]:
    family, sign, number = given.partition("=")
    if not sign or family not in FAMILIES:
        raise ValueError(f"{given!r} names no family; write FAMILY=VALUE with one of {', '.join(FAMILIES)}")
    return family, read_share(number, given)


LIMITS_HELP: Final = "\n".join(
    f"  {name:<22} at {'least' if figure.floor else 'most '}  {figure.means}" for name, figure in FIGURES.items()
)


@click.command(
    epilog=f"""\b
Figures that --fail-under can hold, each from 0 to 1:
{LIMITS_HELP}

\b
Exit codes:
  0    done
  1    a model cannot be used, or the figures not be written
  2    an option is wrong, or a suite or a peer cannot be used
  3    done, but a figure lies on the wrong side of its limit
  130  stopped by Ctrl-C; nothing was written
"""
)
@click.argument("suites", nargs=-1, type=click.Path(path_type=Path), metavar="[SUITE.jsonl]...")
@click.option("--profile", type=click.Choice(PROFILES), default="full", show_default=True, help="How posts are read.")
@click.option("--model", metavar="URI", help="A model of your own, in place of the shipped one's word.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What `seawall calibrate` wrote for --model; without it, its scores are taken to be log-odds.",
)
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="FAMILY=VALUE",
    callback=_option(_threshold),
    help="Flag a family from this probability on. Repeatable.",
)
@click.option(
    "--groups",
    type=click.IntRange(1, len(GROUPS)),
    default=4,
    show_default=True,
    help="Of how many protected groups each template is told.",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="PEER",
    help=f"Another tool to set beside Seawall: {' or '.join(KINDS)}. Repeatable.",
)
@click.option(
    "--json", "out", metavar="OUT", help="Write every figure there as JSON; - writes it instead of the tables."
)
@click.option(
    "--fail-under",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_option(read_limit),
    help="End with exit code 3 if this figure is worse. Repeatable; the names are below.",
)
@click.option(
    "--show-errors",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Show the beginnings of the N posts that were judged most wrongly. They can be distressing.",
)
def evaluate(
    suites: tuple[Path, ...],
    profile: Profile,
    model: str | None,
    calibration: Path | None,
    thresholds: list[tuple[str, float]],
    groups: int,
    peers: tuple[str, ...],
    out: str | None,
    limits: list[tuple[str, float]],
    show_errors: int,
) -> None:
    """Measure the detector on suites of labelled posts, and say how sure each figure is.

    A suite is JSON Lines: text and families, and optionally id, pair, subject, functionality, context, judged and
    template (docs/reference/evaluate.md). Without one, the held-out part of the shipped suite is taken, which the shipped
    models were never trained on.

    No post is printed, unless --show-errors asks for it. No database is needed.
    """
    if calibration is not None and model is None:
        raise click.UsageError("--calibration belongs to a --model; name the model too, or leave it out")
    console = error_console()
    if out is not None and not Path(out).parent.is_dir():
        raise click.BadParameter(
            f"{Path(out).parent} is no folder; make it first, or name another", param_hint="--json"
        )
    try:
        cases, told_suites = read_cases(suites, groups)
        others = open_peers(peers, console)
        detector: Assessor = detector_for(
            profile=profile, thresholds={**thresholds_of(), **dict(thresholds)}, model=model, calibration=calibration
        )
        findings, verdicts = assess(detector, cases, others, console)
        chances = chances_of(findings)
        figures = evaluate_cases(cases, findings, chances, seed=SEED)
        done = Evaluation(
            detector=detector.version,
            thresholds=detector.thresholds,
            profile=profile,
            suites=told_suites,
            groups=groups,
            cases=cases,
            findings=findings,
            figures=figures,
            peers=compare(cases, findings, chances, verdicts, seed=SEED) if verdicts else None,
            held=hold(figures, limits),
        )
    except (SuiteError, PeerError) as problem:
        console.print(f"{problem}.")
        raise SystemExit(EXIT_FILE) from problem
    except ModelError as problem:
        console.print(f"{problem}.")
        raise SystemExit(EXIT_FAILED) from problem
    except KeyboardInterrupt:
        console.print("Stopped; nothing was written.")
        raise SystemExit(EXIT_STOPPED) from None
    if out != "-":
        print_report(done, show_errors)
    if out is not None:
        try:
            write(out, done.as_json())
        except OSError as problem:
            console.print(f"{out}: the figures cannot be written ({problem.strerror or problem}); name another place.")
            raise SystemExit(EXIT_FAILED) from problem
    missed = [held.name for held in done.held if not held.met]
    if missed:
        console.print(f"Missed: {', '.join(missed)}.")
        raise SystemExit(EXIT_MISSED)


def read_cases(paths: Sequence[Path], groups: int) -> tuple[list[Case], list[dict[str, Any]]]:
    """The cases of all suites, templates told, and what the suites were. Raises `SuiteError`.

    With several files, a pair's name is made its file's own: lines without a pair are named by their numbers.
    """
    suites: list[tuple[str, list[Case]]] = [(str(path), list(read_suite(path))) for path in paths]
    if not suites:
        suites = [(SHIPPED, shipped("held_out"))]
        if not suites[0][1]:
            raise SuiteError(
                "the held-out part of the suite does not come with this copy of Seawall; name a suite file"
            )
    cases: list[Case] = []
    for number, (_, written) in enumerate(suites, start=1):
        for case in written:
            filled = told(case, groups)
            cases += filled if len(suites) == 1 else (replace(each, pair=f"{number}:{each.pair}") for each in filled)
    return cases, [{"suite": name, "cases": len(written)} for name, written in suites]


def open_peers(specs: Sequence[str], console: Console) -> dict[str, Peer]:
    """The peers by a name that no other of them bears. Raises `PeerError`."""
    peers: dict[str, Peer] = {}
    for spec in dict.fromkeys(specs):
        peer = open_peer(spec)
        if isinstance(peer, Lexicon) and peer.left_out:
            terms = "1 term is" if len(peer.left_out) == 1 else f"{len(peer.left_out):,} terms are"
            console.print(f"{peer.name}: {terms} left out, being nothing but numbers, addresses or punctuation.")
        peers[spec if peer.name in {"seawall", *peers} else peer.name] = peer
    return peers


def assess(
    detector: Assessor, cases: Sequence[Case], peers: Mapping[str, Peer], console: Console
) -> tuple[list[Finding], dict[str, Verdict]]:
    """What the detector and each peer say of every case."""
    findings: list[Finding] = []
    parts: dict[str, list[Verdict]] = {name: [] for name in peers}
    progress = posts_progress(console)
    with progress:
        task = progress.add_task("Posts assessed", total=len(cases))
        for texts in _batches(cases):
            findings += detector.assess(texts, reasons=False)
            for name, peer in peers.items():
                parts[name].append(peer.judge(texts))
            progress.update(task, completed=len(findings))
    verdicts = {
        name: Verdict(
            flagged=np.concatenate([part.flagged for part in given]),
            scores=np.concatenate([part.scores for part in given]),
        )
        for name, given in parts.items()
    }
    return findings, verdicts


def _batches(cases: Sequence[Case]) -> Iterator[list[str]]:
    for first in range(0, len(cases), BATCH):
        yield [case.text for case in cases[first : first + BATCH]]


def write(out: str, content: bytes) -> None:
    """Write the figures; a regular file appears under its name only when it is whole. Raises `OSError`."""
    path = Path(out)
    if out == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a pipe or a device is written to, never replaced; a folder raises
        return
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with open(number, "wb") as partial:
            partial.write(content)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
