"""Build the sample of posts that the demonstration hub reads.

    python tools/build_sample.py --sets DIR --lexicon FILE.csv [--out DIR] [--review FILE.tsv]

The sets are research sets of public posts, one Parquet file each, with the columns id, text, lang, label_native, dup_of
and redistribute. Only sets whose licence allows passing them on are read (SLICES in sample_sources.py). A row is kept
when it is short plain English, names nobody, and holds no slur, no contact detail and no sexual detail; what a rule
cannot see, a reader did, and such rows are listed by id in sample_exclusions.txt. Posts about suicide, self-harm,
eating disorders, gangs and the sale of weapons are never real people's: they were written for Seawall, in
sample_own.jsonl.

The lexicon (columns term, category, kind) is an argument because a list of slurs does not belong in this repository.
Accounts, platforms and times are invented. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sample_sources import (
    CASED_SETS,
    LICENCES,
    OWN_LICENCE,
    PROPER_NAMES_ALLOWED,
    SLICES,
    UNWANTED_WORDS,
    Human,
    Slice,
    licences_page,
)

HERE = Path(__file__).resolve().parent
DEFAULT_OUT = HERE.parent / "src/seawall/hub/demonstration/sample"
SEED = "seawall-sample-1"
MIN_CHARS, MAX_CHARS = 15, 400
PLATFORMS = ("harbour", "kestrel", "driftwood", "saltmarsh")
PLATFORM_WEIGHTS = (40, 30, 18, 12)
REAL_ACCOUNTS = 1300
NEWEST_HOURS, OLDEST_HOURS = 0.2, 220.0
NOW_HOUR = 14
"""The hour of day (0-23) at which "hours_ago" is counted, so that nights fall where nights fall."""
HOURLY_TRAFFIC = (30, 20, 13, 9, 7, 8, 14, 28, 42, 48, 52, 57, 64, 62, 58, 58, 63, 70, 80, 92, 100, 98, 80, 52)
"""Relative number of posts in each hour of the day, midnight first."""

MASKS = {
    re.compile(r"\[\[?USER\]?\]|<user>|@?\bUSER\b"): "[user]",
    re.compile(r"\[\[?URL\]?\]|<url>|\bURL\b"): "[url]",
}
OTHER_MASK = re.compile(r"<[^>\s]{2,15}>|\[[A-Z]{3,12}\]|\b(?:PHONE|EMAIL|NUMBER)\b|&[a-z]+;")
CONTACT = re.compile(
    r"https?:|www\.|\w@\w|@\w{2,}|\d{5,}|\d{3}[-. ]\d{3,}|"
    r"\b[a-z0-9-]{2,}\.(?:com|org|net|co|uk|gov|info|me|io|tv|us|in|eu)\b",
    re.I,
)
ADDRESS = re.compile(r"\b\d+\w?\s+(?:[A-Z]\w+\s+){1,2}(?:street|st|road|rd|avenue|ave|lane|drive|close|way)\b", re.I)
DISGUISED = re.compile(r"[A-Za-z][*$@#%]+[A-Za-z*]|[*]{2,}[A-Za-z]|[A-Za-z][*]{1,}")
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
SENTENCE_START = re.compile(r"(?:^|[.!?\u2026:;\"\u201c\u201d\u2018(\[\]*>\u2022\n\r|/-]|\s[-\u2013\u2014'])\s*$")
LEET = str.maketrans("013457@$!", "oieastasi")
LEXICON_KINDS = (
    "slur",
    "sexual orientation / gender",
    "mental disability",
    "sexual anatomy",
    "reclaimed_slur",
    "hate_ngram",
    "religious offense",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One candidate post: the set's row id (kept out of the output), the text as shown, and the human label."""

    row_id: str
    text: str
    source: str
    licence: str
    human: Human


def shuffle_key(row_id: str) -> str:
    """A position that depends on the row alone: adding an exclusion moves no other row."""
    return hashlib.sha256(f"{SEED}:{row_id}".encode()).hexdigest()


def read_set(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one set. Raises SystemExit when the file is missing or a row may not be passed on."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise SystemExit(f"{path}: no such set; give the folder of Parquet files with --sets")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    for number, row in enumerate(rows, 1):
        if row["redistribute"] != "yes":
            raise SystemExit(
                f"{path}, row {number}: redistribute is {row['redistribute']!r}, not 'yes'; remove the set from SLICES"
            )
    return rows


def words_with_case(text: str) -> Iterator[tuple[str, bool]]:
    """Each word of a text with whether it stands where a capital letter says nothing (a sentence's start)."""
    for match in WORD.finditer(text):
        yield match.group(), bool(SENTENCE_START.search(text[: match.start()][-12:]))


def base(word: str) -> str:
    """A word in lower case, straight apostrophe, without a possessive."""
    word = word.lower().replace("\u2019", "'")
    return word[:-2] if word.endswith("'s") else word


def ordinary_words(sets: dict[str, list[dict[str, Any]]]) -> frozenset[str]:
    """Words mostly written in lower case inside a sentence. Names, and words hardly anybody used, are left out."""
    lower: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for name in CASED_SETS:
        for row in sets[name]:
            for word, at_start in words_with_case(row["text"]):
                if word.islower():
                    lower[base(word)] += 1
                elif not at_start and word[0].isupper() and not word.isupper():
                    capital[base(word)] += 1
    return frozenset(word for word, seen in lower.items() if seen >= 4 and seen >= 1.5 * capital[word])


def read_lexicon(path: Path) -> frozenset[str]:
    """Terms of the slur and sexual lists, in lower case; single words and phrases alike."""
    terms = set()
    with path.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            if line["category"] in ("hate", "sexual") or any(kind in line["kind"] for kind in LEXICON_KINDS):
                terms.add(line["term"].lower().strip())
    return frozenset(term for term in terms if len(term) > 2)


def plural_forms(word: str) -> Iterator[str]:
    yield word
    for ending in ("s", "es", "y", "ed", "ing", "er", "ers"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            yield word[: -len(ending)]


def holds_term(text: str, terms: frozenset[str]) -> bool:
    """Whether a term of the lexicon stands in the text: a word, an inflection, a phrase of up to four, or leet."""
    for variant in {text.lower(), text.lower().translate(LEET)}:
        words = [base(word) for word in WORD.findall(variant)]
        if any(form in terms for word in words for form in plural_forms(word)):
            return True
        if any(" ".join(words[i : i + n]) in terms for n in (2, 3, 4) for i in range(len(words) - n + 1)):
            return True
    return False


def names_somebody(text: str, ordinary: frozenset[str]) -> bool:
    """Whether a word may be a name: unknown as an ordinary word, or written with a capital inside a sentence."""
    for word, at_start in words_with_case(text):
        plain = base(word)
        if plain in PROPER_NAMES_ALLOWED or plain in ("user", "url") or (word.isupper() and len(word) <= 3):
            continue
        if plain not in ordinary:
            return True
        if not at_start and word[0].isupper() and not word.isupper() and not plain.startswith("i'"):
            return True
    return False


def mask(text: str) -> str:
    for pattern, token in MASKS.items():
        text = pattern.sub(token, text)
    return re.sub(r"\s+", " ", text).strip()


def unfit(text: str, ordinary: frozenset[str], terms: frozenset[str]) -> bool:
    """Whether a masked text must stay out: length, masks, contact details, disguises, unwanted words, names, slurs."""
    return (
        not MIN_CHARS <= len(text) <= MAX_CHARS
        or bool(OTHER_MASK.search(text) or CONTACT.search(text) or ADDRESS.search(text) or DISGUISED.search(text))
        or any(mark in text for mark in ("#", "\ufffd", "???"))
        or sum(character.isalpha() for character in text) < 0.6 * len(text)
        or bool(UNWANTED_WORDS.search(text))
        or names_somebody(text, ordinary)
        or holds_term(text, terms)
    )


def fingerprint(text: str) -> str:
    return " ".join(WORD.findall(re.sub(r"\[\w+\]", "", text).lower()))


def pick(
    part: Slice,
    rows: Iterable[dict[str, Any]],
    excluded: frozenset[str],
    seen: set[str],
    ordinary: frozenset[str],
    terms: frozenset[str],
) -> list[Row]:
    """The first part.count fit rows of a slice, in the seeded order; their fingerprints are added to seen."""
    picked: list[Row] = []
    for row in sorted((r for r in rows if part.takes(r)), key=lambda r: shuffle_key(r["id"])):
        if len(picked) == part.count:
            break
        text = mask(row["text"])
        if row["id"] in excluded or row["dup_of"] or row["lang"] != "en" or unfit(text, ordinary, terms):
            continue
        if (mark := fingerprint(text)) in seen or not mark:
            continue
        seen.add(mark)
        picked.append(
            Row(
                row_id=row["id"],
                text=text,
                source=part.source,
                licence=LICENCES[part.source].licence,
                human=part.human(row),
            )
        )
    if len(picked) < part.count:
        print(f"{part.source} {part.name}: wanted {part.count}, found {len(picked)}")
    return picked


def read_own(path: Path) -> list[Row]:
    """The posts written for Seawall. Raises SystemExit naming the line that is not sound."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            post = json.loads(line)
            human = Human(
                native="written for Seawall",
                family=post["family"],
                harm=post["harm"],
                context=post["context"],
                target=post["target"],
            )
            rows.append(
                Row(row_id=f"own:{number}", text=post["text"], source="seawall", licence=OWN_LICENCE, human=human)
            )
        except (ValueError, KeyError, TypeError) as problem:
            raise SystemExit(
                f"{path}, line {number}: {problem!r}; each line needs text, family, harm, context and target"
            ) from problem
    return rows


def hours_ago(dice: random.Random) -> float:
    """Hours before "now", newest 0.2, oldest 220, busier in the evening than at night."""
    while True:
        hours = dice.uniform(NEWEST_HOURS, OLDEST_HOURS)
        if dice.uniform(0, max(HOURLY_TRAFFIC)) < HOURLY_TRAFFIC[int(NOW_HOUR - hours) % 24]:
            return round(hours, 2)


def accounts(dice: random.Random, rows: list[Row]) -> list[str]:
    """An invented handle for each row. Few accounts post much, most once; own posts share no account with real ones."""
    numbers = dice.sample(range(1000, 10000), k=REAL_ACCOUNTS + sum(row.source == "seawall" for row in rows))
    shared, own = numbers[:REAL_ACCOUNTS], iter(numbers[REAL_ACCOUNTS:])
    weights = [1 / (rank + 12) for rank in range(REAL_ACCOUNTS)]
    latest: dict[tuple[str | None, str | None], list[int]] = {}
    handles = []
    for row in rows:
        if row.source != "seawall":
            handles.append(f"user-{dice.choices(shared, weights)[0]}")
            continue
        mine = latest.setdefault((row.human.family, row.human.harm), [])
        again = mine and row.human.harm not in (None, "ssh-imminent") and dice.random() < 0.35
        if not again:
            mine.append(next(own))
        handles.append(f"user-{dice.choice(mine) if again else mine[-1]}")
    return handles


def assemble(rows: list[Row]) -> list[tuple[dict[str, Any], Row]]:
    """Posts as they are written out, oldest first, each beside its row."""
    dice = random.Random(SEED)
    rows = sorted(rows, key=lambda row: shuffle_key(row.row_id))
    handles = accounts(dice, rows)
    platform_of = {handle: dice.choices(PLATFORMS, PLATFORM_WEIGHTS)[0] for handle in sorted(set(handles))}
    placed = sorted(
        ((hours_ago(dice), handle, row) for handle, row in zip(handles, rows, strict=True)),
        key=lambda item: (-item[0], item[2].row_id),
    )
    return [
        (
            {
                "id": f"s{number:05}",
                "text": row.text,
                "account": handle,
                "lang": "en",
                "platform": platform_of[handle],
                "hours_ago": hours,
                "source": row.source,
                "licence": row.licence,
                "human": row.human.as_dict(),
            },
            row,
        )
        for number, (hours, handle, row) in enumerate(placed, 1)
    ]


def tally(posts: list[dict[str, Any]], *path: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for post in posts:
        value: Any = post
        for step in path:
            value = value[step]
        found[value or "none"] += 1
    return dict(sorted(found.items()))


def manifest(posts: list[dict[str, Any]], body: bytes) -> dict[str, Any]:
    return {
        "posts": len(posts),
        "sha256": hashlib.sha256(body).hexdigest(),
        "accounts": len({post["account"] for post in posts}),
        "platform": tally(posts, "platform"),
        "source": tally(posts, "source"),
        "family": tally(posts, "human", "family"),
        "harm": tally(posts, "human", "harm"),
        "context": tally(posts, "human", "context"),
        "target": tally(posts, "human", "target"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the demonstration's sample of posts.")
    parser.add_argument("--sets", type=Path, required=True, help="folder of Parquet sets")
    parser.add_argument(
        "--lexicon", type=Path, required=True, help="CSV of slurs and sexual terms, kept outside the repository"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument(
        "--review",
        type=Path,
        help="write id, source row, label and text here, for a reader; keep it outside the repository",
    )
    options = parser.parse_args()

    sets = {name: read_set(options.sets, name) for name in sorted({part.source for part in SLICES} | set(CASED_SETS))}
    ordinary, terms = ordinary_words(sets), read_lexicon(options.lexicon)
    listed = (
        line.split("#")[0].strip() for line in (HERE / "sample_exclusions.txt").read_text(encoding="utf-8").splitlines()
    )
    excluded = frozenset(filter(None, listed))
    rows = read_own(HERE / "sample_own.jsonl")
    seen = {fingerprint(row.text) for row in rows}
    if len(seen) < len(rows):
        raise SystemExit("sample_own.jsonl holds the same text twice; change or remove one of them")
    for part in SLICES:
        rows += pick(part, sets[part.source], excluded, seen, ordinary, terms)

    placed = assemble(rows)
    posts = [post for post, _ in placed]
    body = "".join(json.dumps(post, ensure_ascii=False) + "\n" for post in posts).encode()
    counts = manifest(posts, body)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "posts.jsonl").write_bytes(body)
    (options.out / "manifest.json").write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    (options.out / "LICENCES.md").write_text(licences_page(counts["source"]), encoding="utf-8")
    if options.review:
        lines = (
            f"{post['id']}\t{row.row_id}\t{row.human.harm or row.human.context or '-'}\t"
            f"{row.human.native}\t{row.text}\n"
            for post, row in placed
        )
        options.review.write_text("".join(lines), encoding="utf-8")
    print(f"{len(posts)} posts, sha256 {counts['sha256']}")


if __name__ == "__main__":
    main()
