"""What `seawall evaluate` found, as tables for a person and as JSON for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from seawall import __version__
from seawall.detect.evaluation import REMOVAL, Rows, chances_of, lay_out
from seawall.detect.families import FAMILIES
from seawall.detect.limits import Held
from seawall.detect.pipeline import Finding
from seawall.detect.suite import Case

#: So many functionalities are shown; JSON has them all.
SHOWN: Final = 20
#: So much of a post is shown when somebody asks to see errors.
BEGINNING: Final = 80
#: Into a file or a pipe no line is cut, however long a name is.
PIPE_WIDTH: Final = 400
SYSTEMS_ABREAST: Final = 3
NOTHING: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was evaluated on what, and what came of it."""

    detector: str
    thresholds: Mapping[str, float]
    profile: str
    suites: list[dict[str, Any]]
    groups: int
    cases: list[Case]
    findings: list[Finding]
    figures: dict[str, Any]
    peers: dict[str, Any] | None
    held: list[Held]

    def as_json(self) -> bytes:
        """Every figure, without a word of any post."""
        held = {
            "seawall": __version__,
            "detector": self.detector,
            "profile": self.profile,
            "thresholds": dict(self.thresholds),
            "suites": self.suites,
            "groups": self.groups,
            "figures": self.figures,
            "peers": self.peers,
            "held": self.held,
        }
        return orjson.dumps(held, option=orjson.OPT_INDENT_2) + b"\n"


def safe(text: str) -> str:
    """Text from a file, fit for a terminal: one line, and no control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in " ".join(text.split()))


def share(figure: Mapping[str, Any]) -> str:
    """A rate in per cent."""
    return NOTHING if figure["value"] is None else f"{figure['value']:.1%}"


def share_with_interval(figure: Mapping[str, Any]) -> str:
    between = _between(figure, 100, 1)
    return f"{share(figure)} ({between})" if between else share(figure)


def number(figure: Mapping[str, Any]) -> str:
    """A figure that is no rate, and its interval."""
    if figure["value"] is None:
        return NOTHING
    between = _between(figure, 1, 2)
    return f"{figure['value']:.2f} ({between})" if between else f"{figure['value']:.2f}"


def _between(figure: Mapping[str, Any], times: int, decimals: int) -> str:
    if figure["low"] is None:
        return ""
    return f"{times * figure['low']:.{decimals}f}-{times * figure['high']:.{decimals}f}"


def _of(figure: Mapping[str, Any]) -> str:
    return f"{figure['count']:,} of {figure['n']:,}"


class Report:
    """Prints one evaluation."""

    def __init__(self, done: Evaluation, console: Console) -> None:
        self._done = done
        self._figures = done.figures
        self._out = console

    def print(self, errors: int) -> None:
        self._heading()
        self._headline()
        self._families()
        self._functionalities()
        self._contexts()
        self._groups()
        self._languages()
        self._peers()
        self._limits()
        if errors:
            self._errors(errors)

    def _say(self, text: str = "") -> None:
        self._out.print(text, soft_wrap=True)

    def _table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
        """A table whose first `left` columns are names and the others figures."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
        for at, name in enumerate(columns):
            table.add_column(name, justify="left" if at < left else "right", no_wrap=True)
        for row in rows:
            table.add_row(*map(safe, row[:left]), *row[left:])
        self._say()
        self._say(title)
        self._out.print(table)

    def _heading(self) -> None:
        done, figures = self._done, self._figures
        pairs = f" in {figures['pairs']:,} pairs" if figures["pairs_right"]["n"] else ""
        self._say(f"{figures['n']:,} cases{pairs}, by {safe(done.detector)} ({done.profile})")
        for suite in done.suites:
            self._say(f"  {safe(suite['suite'])}: {suite['cases']:,} cases as written")
        if any(case.template for case in done.cases):
            self._say(f"  each template told of {done.groups} {'group' if done.groups == 1 else 'groups'}")
        self._say("In brackets or beside a figure: its 95 % interval.")

    def _headline(self) -> None:
        figures = self._figures
        rows = [
            ("harmful, flagged as a harm it holds", figures["harmful_flagged"]["gold"]),
            ("harmful, flagged as any harm", figures["harmful_flagged"]["any"]),
            ("protected, flagged as a harm", figures["protected_flagged"]["removal"]),
            ("protected, any flag", figures["protected_flagged"]["any"]),
            ("at risk, found", figures["at_risk"]["recall"]),
            ("at risk, flagged as a harm", figures["at_risk"]["removal"]),
            ("pairs wholly right", figures["pairs_right"]),
            ("not assessed", figures["not_assessed"]),
            ("degraded", figures["degraded"]),
        ]
        self._table(
            "Posts",
            ("", "share", "95 %", "posts"),
            [(name, share(figure), _between(figure, 100, 1), _of(figure)) for name, figure in rows],
        )
        names = {"macro_f1": "macro-F1", "auroc": "AUROC", "ap": "average precision"}
        self._table(
            "Harmful or not",
            ("", "figure", "posts"),
            [(names[name], number(figure), f"{figure['n']:,}") for name, figure in figures["harmful_or_not"].items()],
        )

    def _families(self) -> None:
        held = {name: figure for name, figure in self._figures["by_family"].items() if figure["n"]}
        self._table(
            "Families: how well they are ranked and flagged",
            ("family", "AP", "AUROC", "F1"),
            [(name, number(each["ap"]), number(each["auroc"]), number(each["f1"])) for name, each in held.items()],
        )
        self._table(
            "Families at their thresholds",
            ("family", "cases", "precision", "recall", "ECE"),
            [
                (
                    name,
                    f"{each['positives']:,}",
                    share_with_interval(each["precision"]),
                    share_with_interval(each["recall"]),
                    NOTHING if each["calibration_error"] is None else f"{each['calibration_error']:.3f}",
                )
                for name, each in held.items()
            ],
        )

    def _functionalities(self) -> None:
        entries = self._figures["by_functionality"]
        if not entries:
            return
        shared = Counter(entry["functionality"] for entry in entries)

        def name(entry: Mapping[str, Any]) -> str:
            twice = shared[entry["functionality"]] > 1
            return f"{entry['subject']}: {entry['functionality']}" if twice else str(entry["functionality"])

        def missed(entry: Mapping[str, Any]) -> str:
            parts = [entry["harmful_flagged"], entry["at_risk_found"]]
            among = sum(part["n"] for part in parts)
            return f"{among - sum(part['count'] for part in parts)}/{among}" if among else NOTHING

        def flagged(entry: Mapping[str, Any]) -> str:
            part = entry["protected_flagged"]
            return f"{part['count']}/{part['n']}" if part["n"] else NOTHING

        self._table(
            "Functionalities, the worst first: harmful or at risk, missed; protected, flagged",
            ("functionality", "cases", "right", "missed", "flagged"),
            [
                (name(entry), f"{entry['n']:,}", f"{entry['right']['value']:.0%}", missed(entry), flagged(entry))
                for entry in entries[:SHOWN]
            ],
        )
        if len(entries) > SHOWN:
            self._say(f"{len(entries) - SHOWN:,} more did better; --json has them all.")

    def _contexts(self) -> None:
        if self._figures["by_context"]:
            self._table(
                "Protected posts by context: flagged as a harm, any flag, context rightly named",
                ("context", "posts", "flagged", "any flag", "named"),
                [
                    (
                        name,
                        f"{each['flagged']['n']:,}",
                        share_with_interval(each["flagged"]),
                        share(each["any"]),
                        share_with_interval(each["named"]),
                    )
                    for name, each in self._figures["by_context"].items()
                ],
            )

    def _groups(self) -> None:
        held = self._figures["by_group"]
        if not held["groups"]:
            return
        self._table(
            "Groups that templates are told of",
            ("group", "cases", "harmful, flagged", "protected, flagged"),
            [
                (
                    each["group"],
                    f"{each['n']:,}",
                    share_with_interval(each["harmful_flagged"]),
                    share_with_interval(each["protected_flagged"]),
                )
                for each in held["groups"]
            ],
        )
        self._say("Largest difference on the same posts, in percentage points:")
        for kind, gap in held["gap"].items():
            if gap["value"] is None:
                self._say(f"  {kind}: too few posts to say")
                continue
            between = _between(gap, 100, 1)
            self._say(
                f"  {kind}: {100 * gap['value']:.1f}{f' ({between})' if between else ''},"
                f" {safe(gap['most'])} over {safe(gap['least'])}; by chance up to {100 * gap['by_chance']:.1f}"
            )

    def _languages(self) -> None:
        missed = self._figures["not_assessed"]
        if missed["count"]:
            rows = [(language, f"{count:,}") for language, count in missed["by_language"].items()]
            self._table("Not assessed, by language: never counted as right", ("language", "posts"), rows)

    def _peers(self) -> None:
        if self._done.peers is None:
            return
        systems = self._done.peers["systems"]
        others = [name for name in systems if name != "seawall"]
        rows: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
            "harmful, flagged": ("harmful_flagged", share_with_interval),
            "protected, flagged": ("protected_flagged", share_with_interval),
            "macro-F1": ("macro_f1", number),
            "AUROC": ("auroc", number),
        }
        starts = [*range(0, len(others), SYSTEMS_ABREAST - 1), len(others)]
        for first, after in pairwise(starts):
            abreast = ["seawall", *others[first:after]]
            self._table(
                f"Side by side on the same {self._done.peers['n']:,} posts",
                ("", *map(safe, abreast)),
                [(name, *(show(systems[each][key]) for each in abreast)) for name, (key, show) in rows.items()],
            )
        if self._done.peers["partly_judged"]:
            self._say(f"{self._done.peers['partly_judged']:,} of them were judged for some harms only.")

    def _limits(self) -> None:
        if self._done.held:
            self._table(
                "Limits",
                ("figure", "", "limit", "value"),
                [
                    (
                        each.name,
                        "met" if each.met else "MISSED",
                        f"at {'least' if each.floor else 'most'} {each.limit:g}",
                        "not measured" if each.value is None else f"{each.value:.4f}",
                    )
                    for each in self._done.held
                ],
                left=2,
            )

    def _errors(self, most: int) -> None:
        wrong = mistakes(self._done.cases, self._done.findings)
        self._say()
        if not wrong:
            self._say("No post was judged wrongly.")
            return
        self._say("WARNING: the posts below can be distressing. Read them only if you need to, and not alone.")
        for case, finding in wrong[:most]:
            held = ", ".join(case.families) or "harmless"
            flags = ", ".join(finding.flags) or "nothing"
            text = safe(case.text)
            self._say()
            self._say(f"{safe(case.id)}: is {held}; flagged {flags}")
            self._say(text if len(text) <= BEGINNING else text[: BEGINNING - 1] + "…")


def mistakes(cases: Sequence[Case], findings: Sequence[Finding]) -> list[tuple[Case, Finding]]:
    """Cases that were assessed and judged wrongly, the surest mistakes first; of a template one telling."""
    rows: Rows = lay_out(cases, findings, chances_of(findings))
    wrong = np.flatnonzero(rows.assessed & ~rows.right)
    removal = np.array([family in REMOVAL for family in FAMILIES])

    def wrongness(at: int) -> float:
        gold, chances = rows.gold[at], rows.chances[at]
        missed = gold & ~rows.flagged[at]
        stray = rows.flagged[at] & ~gold & (removal | ~rows.harmful[at])
        return float(max([*(1 - chances[missed]), *chances[stray]], default=0.0))

    out: dict[tuple[str, str], tuple[Case, Finding]] = {}
    for at in sorted(wrong.tolist(), key=lambda at: (-wrongness(at), at)):
        out.setdefault((cases[at].pair, cases[at].id), (cases[at], findings[at]))
    return list(out.values())


def print_report(done: Evaluation, errors: int) -> None:
    """Print the tables on standard output, and the `errors` surest mistakes."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, no_color=True, width=PIPE_WIDTH)
    Report(done, console).print(errors)
