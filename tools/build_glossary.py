"""Check the glossary's YAML files and write the one JSON file that the program reads.

    python tools/build_glossary.py [--check]

With --check nothing is written; the exit code is 1 where the JSON file is not in step with the YAML files.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOUSE / "src"))

from seawall.detect.glossary import COMPILED, TERMS, Glossary, GlossaryError  # noqa: E402 -- the path comes first


def compiled() -> str:
    """What `compiled.json` is to hold: a list of entries, one a line."""
    glossary = Glossary.read(sorted(TERMS.glob("*.yaml")))
    rows = [json.dumps(entry.to_row(), ensure_ascii=False, separators=(",", ":")) for entry in glossary.entries]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is out of step")
    check = parser.parse_args().check
    try:
        text = compiled()
    except GlossaryError as error:
        print(error, file=sys.stderr)
        return 2
    if check:
        in_step = COMPILED.exists() and COMPILED.read_text(encoding="utf-8") == text
        print("In step." if in_step else "Out of step: run python tools/build_glossary.py", file=sys.stderr)
        return 0 if in_step else 1
    COMPILED.write_text(text, encoding="utf-8")
    print(f"{COMPILED.relative_to(HOUSE)}: {text.count(chr(10)) - 2} terms, {len(text.encode()):,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
