"""The shipped code of practice loads; a broken one is refused with sentences that its editor can act on.

The sentences are held in golden/problems.txt. After a deliberate change of wording, write it anew with
`python -m tests.hub.practice.test_loading` run from the root, and read the difference.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import rfc8785
from pydantic import ValidationError

from seawall.hub.practice import loading
from seawall.hub.practice.loading import CODES, DEFAULT_CODE, CodeOfPracticeError, Problem, load_code
from seawall.hub.practice.schema import Code

GOLDEN = Path(__file__).parent / "golden" / "problems.txt"
UK = CODES / DEFAULT_CODE


@pytest.fixture(scope="module")
def code() -> Code:
    return load_code(UK)


# --- the digest, and that nothing changes after loading


def test_the_digest_is_of_the_words_and_not_of_the_files(tmp_path: Path, code: Code) -> None:
    copy = copied(tmp_path)
    (copy / "README.md").write_text("A note beside the code", encoding="utf-8")
    rewrite(copy / "vio-gang.yaml", "id: vio-gang\n", "# a comment\nid:   'vio-gang'\n")
    assert load_code(copy).digest == code.digest
    rewrite(copy / "vio-gang.yaml", "title: Gang violence", "title: Violence by gangs")
    assert load_code(copy).digest != code.digest


def test_the_digest_is_sha256_of_canonical_json(code: Code) -> None:
    dumped = json.loads(json.dumps(code.model_dump(mode="json")))
    assert code.digest == hashlib.sha256(rfc8785.dumps(dumped)).hexdigest()


def test_a_loaded_code_cannot_be_changed(code: Code) -> None:
    harm = code.harm("vio-gang")
    with pytest.raises(ValidationError):
        harm.severity = 1
    with pytest.raises(TypeError):
        harm.opens_case[0].unless_context["art"] = 1.0  # type: ignore[index]
    assert isinstance(harm.includes, tuple)


# --- what is refused


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(UK, tmp_path / DEFAULT_CODE, ignore=shutil.ignore_patterns("*.md")))


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


Break = Callable[[Path], object]


def swap(name: str, old: str, new: str) -> Break:
    return lambda folder: rewrite(folder / name, old, new)


def write(name: str, raw: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(raw)


def pattern(name: str, old: str, new: str) -> Break:
    """Replace the first match of a pattern whose ^ and $ are the ends of a line: for what holds a number that people set."""

    def change(folder: Path) -> None:
        path = folder / name
        text, count = re.subn(f"(?m){old}", new, path.read_text("utf-8"), count=1)
        assert count == 1, f"{name} no longer holds {old}"
        path.write_text(text, encoding="utf-8")

    return change


def all_of(*changes: Break) -> Break:
    return lambda folder: [change(folder) for change in changes]


def section(name: str, field: str, new: str) -> Break:
    """Replace a top-level field and all that is indented below it."""

    def change(folder: Path) -> None:
        path = folder / name
        text, count = re.subn(rf"(?m)^{field}:.*\n((?:[ ]+.*\n)*)", lambda found: new, path.read_text("utf-8"))
        assert count == 1, f"{name} no longer holds {field}"
        path.write_text(text, encoding="utf-8")

    return change


def without_harms(folder: Path) -> None:
    for path in folder.glob("*.yaml"):
        if path.name not in ("code.yaml", "support.yaml", "limits.yaml", "exemptions.yaml", "flagging.yaml"):
            path.unlink()


GANG, FACT, FLAGGING = "vio-gang.yaml", "cand-false-fact.yaml", "flagging.yaml"
BREAKS: dict[str, Break] = {
    "a duration that is none": swap(GANG, "action: PT24H", "action: P1"),
    "a duration as a number": swap(GANG, "action: PT24H", "action: 24"),
    "an unknown field": swap(GANG, "severity: 4", "sevrity: 4"),
    "an unknown field like no other": swap(GANG, "notes:", "colour: red\nnotes:"),
    "no excludes": section(GANG, "excludes", ""),
    "empty excludes": section(GANG, "excludes", "excludes: []\n"),
    "excludes as text": section(GANG, "excludes", "excludes: music\n"),
    "an empty text": swap(GANG, "title: Gang violence", "title: ''"),
    "a number for text": swap(GANG, "title: Gang violence", "title: 42"),
    "a text too long": swap(GANG, "title: Gang violence", "title: " + "x" * 2001),
    "a severity out of range": swap(GANG, "severity: 4", "severity: 6"),
    "a severity in words": swap(GANG, "severity: 4", "severity: high"),
    "a probability out of range": pattern(GANG, "at_least: .*$", "at_least: 70"),
    "a probability in words": pattern(GANG, "at_least: .*$", "at_least: often"),
    "neither true nor false": swap(GANG, "requires_second_reviewer: true", "requires_second_reviewer: maybe"),
    "a date that is none": swap(GANG, "verified_on: 2026-11-22", "verified_on: last week"),
    "an id with a space": swap(GANG, "id: lawful-excuse", "id: lawful excuse"),
    "an unknown support line": swap(GANG, "author: [samaritans]", "author: [samaritan]"),
    "an unknown exemption": swap(GANG, "[bereavement, news,", "[bereavement, newz,"),
    "an unknown family": swap(GANG, "family: gang_weapons", "family: gangs_weapons"),
    "an unknown context": swap(GANG, "      idiom: ", "      idioms: "),
    "contexts as a list": pattern(GANG, r"unless_context:\n(?:      .*\n)+", "unless_context: [art]\n"),
    "an unknown action": swap(GANG, "default_action: remove", "default_action: delete"),
    "a group where a list belongs": section(GANG, "legal_refs", "legal_refs:\n  act: Some Act\n"),
    "a list where a group belongs": section(GANG, "clock", "clock: [PT1H]\n"),
    "a version without quotation marks": section("code.yaml", "version", "version: 2026.1\n"),
    "a version of another shape": section("code.yaml", "version", 'version: "1.0.0"\n'),
    "a changelog that forgot the version": section("code.yaml", "version", 'version: "2099.1"\n'),
    "a review before the start": swap("code.yaml", "next_review: 2027-05-01", "next_review: 2026-05-01"),
    "a code that differs from its folder": swap("code.yaml", "id: uk-2026", "id: uk-2027"),
    "a harm that differs from its file": swap(GANG, "id: vio-gang", "id: vio-gangs"),
    "a family that opens two harms": swap(
        FACT,
        "opens_case: []",
        "opens_case:\n  - {family: abuse, at_least: 1.0, rank: 50, unless_context: "
        "{news: 0.5, art: 0.5, democratic: 0.5}}",
    ),
    "two rules of one rank": swap(GANG, "rank: 4", "rank: 1"),
    "an exemption without a bar": pattern(GANG, "^      art: .*\\n", ""),
    "a referral that rests on nothing": swap(GANG, "rests_on: [offence, dated_term]", "rests_on: []"),
    "a referral on an offence that is not named": section(GANG, "legal_refs", "legal_refs: []\n"),
    "terms only without a term": swap("vax-misinfo.yaml", "rests_on: [dated_term, offence]", "rests_on: [offence]"),
    "a referral that nobody may make": section(GANG, "who_may_refer", "who_may_refer: []\n"),
    "one reviewer where two are needed": swap(GANG, "second_reviewer: true", "second_reviewer: false"),
    "a severity left out": swap(GANG, "severity: 4", "severity: null"),
    "protected content taken down": swap("ssh-recovery.yaml", "default_action: support_only", "default_action: remove"),
    "protected content referred": swap("ssh-recovery.yaml", "route: support_only", "route: referral"),
    "protected content queued": swap(
        "ssh-memorial.yaml",
        "opens_case: []",
        "opens_case:\n  - {family: at_risk, at_least: 1.0, rank: 60, unless_context: {bereavement: 0.9}}",
    ),
    "protected content punished": swap("ssh-memorial.yaml", "engaged: [none]", "engaged: [suspend]"),
    "protected content with a severity": swap("ssh-memorial.yaml", "severity: null", "severity: 2"),
    "protected content shared": swap("ssh-memorial.yaml", "shareable_signal: none", "shareable_signal: hash"),
    "a protected flag that disagrees": swap("ssh-memorial.yaml", "protected: true", "protected: false"),
    "a person at risk sent elsewhere": swap("ssh-imminent.yaml", "partition: welfare", "partition: police"),
    "a person at risk left alone": swap(
        "ssh-imminent.yaml", "author: [emergency-999, samaritans, shout, papyrus, childline]", "author: []"
    ),
    "a person at risk shared": swap("ssh-imminent.yaml", "shareable_signal: none", "shareable_signal: account"),
    "a hand-off to nobody": section("terror.yaml", "hand_off", "hand_off: null\n"),
    "a hand-off beside a referral": swap("terror.yaml", "route: hand_off", "route: support_only"),
    "a formal notice without a statute": section(
        "vio-weapon-sale.yaml",
        "clock",
        "clock: {triage: PT1H, decision: PT8H, action: PT48H, basis: proposal, citation: Ours, starts: given}\n",
    ),
    "a statute without its limit": swap("iia.yaml", "  limit: osa-s10-3a\n", ""),
    "a limit without its statute": swap("iia.yaml", "basis: statute", "basis: proposal"),
    "a limit that is not there": swap("iia.yaml", "limit: osa-s10-3a", "limit: osa-s10"),
    "a limit that disagrees": swap("iia.yaml", "action: PT48H", "action: PT24H"),
    "a statute halved": swap("iia.yaml", "in_election_period: unchanged", "in_election_period: halved"),
    "a statute paused by a harm": swap("iia.yaml", "pausable: []", "pausable: [unclear_notice]"),
    "a month paused": swap(
        "limits.yaml",
        "starts: removal\n    pausable: []",
        "starts: removal\n    pausable: [impossibility]",
    ),
    "two limits of one id": swap("limits.yaml", "id: dsa-art21-complex", "id: dsa-art21"),
    "two exemptions of one id": swap("exemptions.yaml", "id: research", "id: art"),
    "two elements of one id": swap(FACT, "id: personal", "id: fact"),
    "one law told in two ways": swap(GANG, "There is no lawful excuse", "There is no excuse"),
    "a verified law without a day": swap(FACT, "    verified_on: 2026-11-22\n", ""),
    "a support line shown unchecked": swap(
        "support.yaml", "checked: second_hand\n    show: false", "checked: second_hand\n    show: true"
    ),
    "a verified line without a day": swap("support.yaml", "    verified_on: 2026-11-22\n", ""),
    "a family without a threshold": pattern(FLAGGING, r"^  hate: .*\n", ""),
    "a threshold of an unknown family": pattern(FLAGGING, "^  hate: ", "  hates: "),
    "a threshold that flags everything": pattern(FLAGGING, "^  hate: .*$", "  hate: 0.0"),
    "a threshold that flags nothing": all_of(
        pattern(FLAGGING, "^  hate: .*$", "  hate: 1.0"),
        pattern("hate-stirring.yaml", "at_least: .*$", "at_least: 1.0"),
    ),
    "a threshold in per cent": pattern(FLAGGING, "^  hate: .*$", "  hate: 50"),
    "a threshold below nothing": pattern(FLAGGING, "^  hate: .*$", "  hate: '-0.5'"),
    "a threshold in words": pattern(FLAGGING, "^  hate: .*$", "  hate: often"),
    "a threshold above that of a case": all_of(
        pattern(FLAGGING, "^  hate: .*$", "  hate: 0.91"),
        pattern("hate-stirring.yaml", "at_least: .*$", "at_least: 0.9"),
    ),
    "thresholds as a list": section(FLAGGING, "flags", "flags: [0.5]\n"),
    "no thresholds": section(FLAGGING, "flags", ""),
    "a family without costs": pattern(FLAGGING, r"^    hate: .*\n", ""),
    "costs of an unknown family": pattern(FLAGGING, "^    hate: ", "    spam: "),
    "a cost left out": pattern(FLAGGING, "^    hate: .*$", "    hate: {miss: 25}"),
    "a cost of nothing": pattern(FLAGGING, "^    hate: .*$", "    hate: {miss: 25, neighbour: 0}"),
    "a cost beyond measure": pattern(FLAGGING, "^    hate: .*$", "    hate: {miss: 10001, neighbour: 6}"),
    "a cost in words": pattern(FLAGGING, "^    hate: .*$", "    hate: {miss: much, neighbour: 6}"),
    "one cost for two mistakes": pattern(FLAGGING, "^    hate: .*$", "    hate: 25"),
    "a kind of cost that is none": pattern(FLAGGING, "^    hate: .*$", "    hate: {miss: 25, neighbor: 6}"),
    "shares that leave no ordinary posts": all_of(
        pattern(FLAGGING, "harmful_share: .*$", "harmful_share: 0.4"),
        pattern(FLAGGING, "neighbour_share: .*$", "neighbour_share: 0.6"),
    ),
    "a share in per cent": pattern(FLAGGING, "harmful_share: .*$", "harmful_share: 1.5"),
    "a bound in per cent": pattern(FLAGGING, "most_ordinary: .*$", "most_ordinary: 2"),
    "costs without a reason": pattern(FLAGGING, r"^  why: .*\n(?:    .*\n)+", ""),
    "no costs": section(FLAGGING, "costs", ""),
    "a colon too many": swap(GANG, "title: Gang violence", "title: Gang: violence"),
    "a tab": swap(GANG, "  triage: PT1H", "\ttriage: PT1H"),
    "an open quotation mark": swap(GANG, "title: Gang violence", "title: 'Gang violence"),
    "a field twice": swap(GANG, "severity: 4", "severity: 4\nseverity: 5"),
    "a field that is a list": swap(GANG, "severity: 4", "[severity]: 4"),
    "an anchor": swap(GANG, "title: Gang violence", "title: &name Gang violence"),
    "an alias": swap(GANG, "title: Gang violence", "title: *name"),
    "a tag": swap(GANG, "title: Gang violence", "title: !!python/object/apply:os.getcwd []"),
    "brackets without end": write(GANG, b"id: " + b"[" * 5000),
    "an empty file": write(GANG, b""),
    "a file that is a list": write(GANG, b"- one\n- two\n"),
    "a file that is a sentence": write(GANG, b"Just a sentence.\n"),
    "not UTF-8": write(GANG, "id: vio-gang\ntitle: Caf\u00e9\n".encode("latin-1")),
    "a NUL byte": write(GANG, b"id: vio-gang\ntitle: a\x00b\n"),
    "a huge file": write(GANG, b"# " + b"x" * 200_000),
    "a file with the wrong ending": write("vio-new.yml", b"id: vio-new\n"),
    "a folder where a file belongs": lambda folder: (folder / "vio-new.yaml").mkdir(),
    "code.yaml missing": lambda folder: (folder / "code.yaml").unlink(),
    "support.yaml missing": lambda folder: (folder / "support.yaml").unlink(),
    "flagging.yaml missing": lambda folder: (folder / FLAGGING).unlink(),
    "no harm at all": without_harms,
}


def refusals(tmp_path: Path) -> dict[str, tuple[Problem, ...]]:
    """What the loader says to each of `BREAKS`."""
    said: dict[str, tuple[Problem, ...]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_parse", functools.cache(loading._parse))  # most files are the same each time
        for name, change in BREAKS.items():
            folder = copied(tmp_path / re.sub(r"[^a-z0-9]+", "-", name))
            change(folder)
            try:
                load_code(folder)
            except CodeOfPracticeError as error:
                said[name] = error.problems
            else:
                said[name] = ()
    return said


def as_golden(said: dict[str, tuple[Problem, ...]]) -> str:
    return "\n".join("\n".join([f"# {name}", *map(str, problems), ""]) for name, problems in said.items())


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Problem, ...]]:
    return refusals(tmp_path_factory.mktemp("broken"))


def test_what_is_refused_and_in_which_words(said: dict[str, tuple[Problem, ...]]) -> None:
    assert [name for name, problems in said.items() if not problems] == []
    assert as_golden(said) == GOLDEN.read_text(encoding="utf-8")


def test_every_problem_says_where_and_what_to_do(said: dict[str, tuple[Problem, ...]]) -> None:
    for name, problems in said.items():
        for problem in problems:
            assert problem.file.endswith((".yaml", ".yml")), name
            assert problem.remedy[0].isupper(), name
            assert problem.remedy[-1] in ".?'", name
            assert not problem.problem.endswith("."), name


def test_the_message_of_the_first_example(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    BREAKS["a duration that is none"](folder)
    with pytest.raises(CodeOfPracticeError) as refused:
        load_code(folder)
    assert str(refused.value) == (
        "The code of practice in uk-2026 has 1 problem:\n"
        "vio-gang.yaml: clock.action: 'P1' is not an ISO 8601 duration. Write PT24H for 24 hours."
    )


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    for name in (
        "a duration that is none",
        "a severity out of range",
        "a review before the start",
        "a hand-off to nobody",
    ):
        BREAKS[name](folder)
    with pytest.raises(CodeOfPracticeError) as refused:
        load_code(folder)
    assert [(problem.file, problem.field) for problem in refused.value.problems] == [
        ("code.yaml", "next_review"),
        ("terror.yaml", "hand_off"),
        ("vio-gang.yaml", "severity"),
        ("vio-gang.yaml", "clock.action"),
    ]


@pytest.mark.parametrize("where", ["missing", "file"])
def test_a_path_that_is_no_folder_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("id: x\n", encoding="utf-8")
    with pytest.raises(CodeOfPracticeError, match=r"the folder cannot be read: .*\. Check its path\."):
        load_code(tmp_path / where)


def test_a_folder_with_too_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(401):
        (tmp_path / f"h{number}.yaml").touch()
    with pytest.raises(CodeOfPracticeError, match="holds more than 400 files"):
        load_code(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path, code: Code) -> None:
    folder = copied(tmp_path)
    path = folder / GANG
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_code(folder).harm("vio-gang") == code.harm("vio-gang")


def test_words_that_other_yaml_readers_turn_into_booleans_stay_words(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    rewrite(folder / GANG, "title: Gang violence", "title: NO")
    assert load_code(folder).harm("vio-gang").title == "NO"


def test_neither_the_models_nor_the_loader_import_django() -> None:
    program = "import sys, seawall.hub.practice.loading; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        GOLDEN.write_text(as_golden(refusals(Path(scratch))), encoding="utf-8")
