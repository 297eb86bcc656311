"""Read a MISP feed as software of the MISP project does; run by the interpreter that has `pymisp` and `misp-stix`.

    misp_reader.py URL [KNOWN]

The organisation's key is in the environment (KEY), so that it stands on no command line. KNOWN is a file with the manifest of the last
time: only what moved since is fetched. Prints an object: the manifest, what each event holds for a strict `MISPEvent`, and what becomes
of it as STIX 2.1 and back.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any

import requests
from misp_stix_converter import InternalSTIX2toMISPParser, MISPtoSTIX21Parser
from pymisp import MISPEvent


def attributes_of(event: MISPEvent) -> dict[str, Any]:
    within = [each for found in event.objects for each in found.attributes]
    return {
        str(each.uuid): {
            "type": each.type,
            "category": each.category,
            "value": each.value,
            "to_ids": each.to_ids,
            "deleted": bool(each.get("deleted")),
            "tags": [tag.name for tag in each.tags],
        }
        for each in [*event.attributes, *within]
    }


def read(made: dict[str, Any]) -> dict[str, Any]:
    """An event by pymisp; strict, so that a type, category or object that MISP does not know is refused."""
    event = MISPEvent(strict_validation=True)
    event.load(copy.deepcopy(made))
    feed = event.to_feed(with_meta=True)["Event"]
    kept = [each for each in event.attributes if not each.get("deleted")]
    parser = MISPtoSTIX21Parser()
    parser.parse_misp_event(copy.deepcopy(made))
    bundle = json.loads(parser.bundle.serialize())
    back = InternalSTIX2toMISPParser()
    back.load_stix_bundle(parser.bundle)
    back.parse_stix_bundle(single_event=True)
    return {
        "manifest": feed["_manifest"],
        "hashes": feed["_hashes"],
        "in_use": [value for each in kept for value in each.hash_values("md5")],
        "attributes": attributes_of(event),
        "objects": [found.name for found in event.objects],
        "indicators": {each["id"]: each["pattern"] for each in bundle["objects"] if each["type"] == "indicator"},
        "back": attributes_of(back.misp_event),
        "errors": [*map(str, parser.errors), *map(str, back.errors)],
    }


def main() -> None:
    url, known = sys.argv[1], sys.argv[2:]
    before = json.loads(Path(known[0]).read_text()) if known else {}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {os.environ['KEY']}"
        session.headers["MISP-uuid"] = "6f1c2c1e-9c0b-4c0e-8a55-6d2f3b1f2a10"

        def get(path: str) -> requests.Response:
            answer = session.get(f"{url}/{path}", timeout=30)
            answer.raise_for_status()
            return answer

        manifest = get("manifest.json").json()
        moved = [
            uuid
            for uuid, told in manifest.items()
            if uuid not in before or int(told["timestamp"]) > int(before[uuid]["timestamp"])
        ]
        print(
            json.dumps(
                {
                    "manifest": manifest,
                    "events": {uuid: read(get(f"{uuid}.json").json()) for uuid in moved},
                    "hashes": [line.split(",") for line in get("hashes.csv").text.splitlines()],
                },
                default=str,
            )
        )


if __name__ == "__main__":
    main()
