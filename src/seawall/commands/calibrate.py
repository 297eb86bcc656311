"""`seawall calibrate`: an operator's own model against a suite, so that its scores mean probabilities. Needs no database."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from seawall.commands.console import error_console, posts_progress
from seawall.detect.bundle import probability
from seawall.detect.calibration import Calibration, expected_calibration_error, platt
from seawall.detect.families import FAMILIES
from seawall.detect.scorer import Judgement, ModelError, Scorer
from seawall.detect.scorers import Accountable, Asking, open_scorer
from seawall.detect.suite import Case, SuiteError, read_suite, told
from seawall.hub.practice.definitions import definitions_of
from seawall.hub.practice.loading import DEFAULT_CODE, load_code, shipped_codes
from seawall.hub.practice.problems import CodeOfPracticeError

EXIT_FAILED: Final = 1
EXIT_FILE: Final = 2
EXIT_STOPPED: Final = 130
#: A label is calibrated only with so many texts of each answer.
ENOUGH: Final = 20
#: And only when each half has so many of each: texts of one pair stay together.
ENOUGH_IN_HALF: Final = 5
BATCH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How one label's scores become log-odds: counts are (texts, of them true) of each half, measures (before, after).

    `ece` is the expected calibration error and `loss` the log loss, both on the half that was not fitted on.
    """

    slope: float
    offset: float
    fitted_on: tuple[int, int]
    measured_on: tuple[int, int]
    ece: tuple[float, float]
    loss: tuple[float, float]


@click.command()
@click.argument("model", metavar="MODEL_URI")
@click.argument("suite", metavar="SUITE.jsonl", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="Where the calibration goes (JSON)."
)
@click.option(
    "--code",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the code of practice by whose definitions a policy model is asked; without it the one that ships.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=Asking().concurrency,
    show_default=True,
    help="Requests under way at once, for a model behind an address.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=Asking().timeout,
    show_default=True,
    help="Seconds that one request may take, for a model behind an address.",
)
def calibrate(model: str, suite: Path, out: Path, code: Path | None, concurrency: int, timeout: float) -> None:
    """Fit the scores of a model of your own to probabilities, on labelled posts of yours.

    MODEL_URI is onnx:PATH, hf:PATH or openai-compat:URL#MODEL (docs/how-to/use-your-own-model.md). The suite is JSON
    Lines: text and families, and optionally pair, context, judged and template (docs/reference/evaluate.md). Half of its
    pairs are fitted on; the other half says how good the fit is. A label with fewer than 20 texts of either answer is left
    as it is, and named. No database is needed.

    \b
    Exit codes:
      0    done
      1    the model cannot be used, nothing could be calibrated, or the file not be written
      2    an option is wrong, or the suite or the code of practice cannot be used
      130  stopped by Ctrl-C; nothing was written
    """
    asking = Asking(concurrency=concurrency, timeout=timeout, deadline=max(Asking().deadline, 3 * timeout))
    sys.exit(run(model, suite, out=out, code=code, asking=asking))


def run(model: str, suite: Path, *, out: Path, code: Path | None, asking: Asking) -> int:
    """What `seawall calibrate` does; gives the exit code."""
    console = error_console()
    try:
        _check_writable(out)
        cases, digest = _read(suite)
        definitions = definitions_of(load_code(code or shipped_codes()[DEFAULT_CODE]))
        scorer = open_scorer(model, definitions=definitions, asking=asking)
        said = _judge(scorer, [case.text for case in cases], console)
        if said.degraded.all():
            console.print(
                f"{scorer.name} answered for none of {len(cases):,} texts{_why(scorer)}. Nothing was written."
            )
            return EXIT_FAILED
        fits, left = fit(scorer.labels, said, cases)
        _show(scorer, said, fits, left)
        if not fits:
            console.print("No label was calibrated. Nothing was written.")
            return EXIT_FAILED
        about = {
            "model": scorer.name,
            "suite": suite.name,
            "suite_sha256": digest,
            "n": int((~said.degraded).sum()),
            "unanswered": int(said.degraded.sum()),
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "measured": {label: _as_json(made) for label, made in fits.items()},
            "not_calibrated": left,
        }
        _save(Calibration({label: (made.slope, made.offset) for label, made in fits.items()}), out, about)
    except SuiteError as problem:
        console.print(f"{problem}. Nothing was written.")
        return EXIT_FILE
    except CodeOfPracticeError as problem:
        console.print(f"{problem}\nNothing was written.")
        return EXIT_FILE
    except ModelError as problem:
        console.print(f"{problem}. Nothing was written.")
        return EXIT_FAILED
    except OSError as problem:
        console.print(f"{out}: cannot be written ({problem.strerror or problem}); name another place.")
        return EXIT_FAILED
    except KeyboardInterrupt:
        console.print("Stopped; nothing was written.")
        return EXIT_STOPPED
    click.echo(f"Written to {out}.")
    return 0


def _read(suite: Path) -> tuple[list[Case], str]:
    """The cases of the suite, templates told, and the SHA-256 of the file. Raises `SuiteError`."""
    if suite.exists() and not suite.is_file():
        raise SuiteError(f"{suite}: is no file; give a JSON Lines file of cases")
    cases = [one for case in read_suite(suite) for one in told(case)]
    return cases, hashlib.sha256(suite.read_bytes()).hexdigest()


def _judge(scorer: Scorer, texts: Sequence[str], console: Console) -> Judgement:
    progress = posts_progress(console)
    parts: list[Judgement] = []
    with progress:
        task = progress.add_task("Texts judged", total=len(texts))
        for first in range(0, len(texts), BATCH):
            parts.append(scorer.judge(texts[first : first + BATCH]))
            progress.update(task, advance=len(parts[-1].degraded))
    return Judgement(
        scores=np.concatenate([part.scores for part in parts]),
        degraded=np.concatenate([part.degraded for part in parts]),
    )


def halves(cases: Sequence[Case]) -> NDArray[np.bool_]:
    """For each case whether its pair is fitted on. Every other pair is, in an order that only the names of pairs decide."""
    order = sorted({case.pair for case in cases}, key=lambda pair: hashlib.sha256(pair.encode()).digest())
    chosen = set(order[::2])
    return np.array([case.pair in chosen for case in cases], bool)


def fit(labels: Sequence[str], said: Judgement, cases: Sequence[Case]) -> tuple[dict[str, Fit], dict[str, str]]:
    """The fit of each label that the suite can bear, and for each other label why not."""
    first = halves(cases)
    fits: dict[str, Fit] = {}
    left: dict[str, str] = {}
    for column, label in enumerate(labels):
        known = ~said.degraded & np.array(
            [label not in FAMILIES or label in (*case.judged, *case.families) for case in cases], bool
        )
        truth = np.array([label in case.families or label in case.context for case in cases], bool)
        hits, misses = int((known & truth).sum()), int((known & ~truth).sum())
        if min(hits, misses) < ENOUGH:
            left[label] = f"{hits} texts of it and {misses} of others, where {ENOUGH} of each are needed"
            continue
        sides = [known & first, known & ~first]
        counts = [(int(side.sum()), int((side & truth).sum())) for side in sides]
        if any(min(true, count - true) < ENOUGH_IN_HALF for count, true in counts):
            left[label] = "its texts stand in too few pairs to be split in halves; give their pairs different names"
            continue
        scores = said.scores[:, column]
        slope, offset = platt(scores[sides[0]], truth[sides[0]])
        if slope <= 0:
            left[label] = "its scores do not rise with the harm; see that the model's columns have the right labels"
            continue
        raw, true = scores[sides[1]], truth[sides[1]]
        fitted = slope * raw + offset
        losses = log_loss(true, raw), log_loss(true, fitted)
        if losses[1] >= losses[0]:
            left[label] = (
                f"the fit does not better it (log loss {losses[0]:.3f} before, {losses[1]:.3f} after), so its scores stand as they are"
            )
            continue
        fits[label] = Fit(
            slope=slope,
            offset=offset,
            fitted_on=counts[0],
            measured_on=counts[1],
            ece=(
                expected_calibration_error(true, probability(raw)),
                expected_calibration_error(true, probability(fitted)),
            ),
            loss=losses,
        )
    return fits, left


def log_loss(truth: NDArray[np.bool_], odds: NDArray[np.float64]) -> float:
    """Mean surprise at the truth, in nats. Unlike the binned error it does not flatter or punish small suites."""
    return float(np.logaddexp(0.0, np.where(truth, -odds, odds)).mean())


def _show(scorer: Scorer, said: Judgement, fits: Mapping[str, Fit], left: Mapping[str, str]) -> None:
    lost = int(said.degraded.sum())
    without = f"; {lost:,} had no answer{_why(scorer)} and are left out" if lost else ""
    click.echo(f"{scorer.name} judged {len(said.degraded):,} texts{without}.")
    if fits:
        click.echo(f"{'label':<22} {'fitted on':>16} {'measured on':>16} {'ECE before':>11} {'after':>7}")
    for label, made in fits.items():
        sizes = [f"{count:,} ({true:,})" for count, true in (made.fitted_on, made.measured_on)]
        click.echo(f"{label:<22} {sizes[0]:>16} {sizes[1]:>16} {made.ece[0]:>11.3f} {made.ece[1]:>7.3f}")
    if fits:
        click.echo(
            "In brackets: how many hold the label. ECE: how far off the probabilities are on average; 0 is best."
        )
    for label, why in left.items():
        click.echo(f"{label} is not calibrated: {why}.")


def _why(scorer: Scorer) -> str:
    faults = scorer.faults if isinstance(scorer, Accountable) else {}
    told_of = "; ".join(f"{reason}: {count:,}" for reason, count in sorted(faults.items(), key=lambda pair: -pair[1]))
    return f" ({told_of})" if told_of else ""


def _as_json(made: Fit) -> dict[str, Any]:
    return {
        "fitted_on": dict(zip(("texts", "true"), made.fitted_on, strict=True)),
        "measured_on": dict(zip(("texts", "true"), made.measured_on, strict=True)),
        "ece": {"before": round(made.ece[0], 4), "after": round(made.ece[1], 4)},
        "log_loss": {"before": round(made.loss[0], 4), "after": round(made.loss[1], 4)},
    }


def _check_writable(out: Path) -> None:
    """Say so before the work when the file cannot be written after it. Raises `OSError`."""
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    with tempfile.TemporaryFile(dir=out.parent):
        pass


def _save(calibration: Calibration, out: Path, about: Mapping[str, Any]) -> None:
    """Write the file; it appears under its name only when it is whole. Raises `OSError`."""
    number, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent)
    os.close(number)
    try:
        calibration.save(Path(name), about)
        os.replace(name, out)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
