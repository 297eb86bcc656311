"""The functional suite: contrast pairs written for this project, each isolating one thing that a detector must tell apart.

In the manner of HateCheck (Roettger et al., ACL 2021): a case belongs to one *functionality*, has a gold answer, and
stands in a *pair* with its nearest neighbours of the other answer. The part `train` may be trained on; `held_out` was
written apart, by others, and never is. A case may be a template about a protected group (`{GROUP}`, `{A_MEMBER}`,
`{MEMBER}`), so that every group is treated alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zlib import crc32

import orjson

from seawall.detect.families import CONTEXTS, FAMILIES

HERE: Final = Path(__file__).parent
SPLITS: Final = ("train", "held_out")

#: Protected groups by the forms in which a template names them: several, one with its article, one without.
GROUPS: Final = (
    ("women", "a woman", "woman"),
    ("Muslims", "a Muslim", "Muslim"),
    ("trans people", "a trans person", "trans person"),
    ("Black people", "a Black person", "Black person"),
    ("disabled people", "a disabled person", "disabled person"),
    ("gay people", "a gay person", "gay person"),
    ("immigrants", "an immigrant", "immigrant"),
    ("Jews", "a Jew", "Jew"),
    ("Jewish people", "a Jewish person", "Jewish person"),
    ("Travellers", "a Traveller", "Traveller"),
    ("Roma people", "a Roma person", "Roma person"),
    ("refugees", "a refugee", "refugee"),
    ("asylum seekers", "an asylum seeker", "asylum seeker"),
    ("gay men", "a gay man", "gay man"),
    ("lesbians", "a lesbian", "lesbian"),
    ("bisexual people", "a bisexual person", "bisexual person"),
    ("trans women", "a trans woman", "trans woman"),
    ("Black women", "a Black woman", "Black woman"),
    ("Black men", "a Black man", "Black man"),
    ("Asian people", "an Asian person", "Asian person"),
    ("Pakistanis", "a Pakistani", "Pakistani"),
    ("Indians", "an Indian", "Indian"),
    ("Chinese people", "a Chinese person", "Chinese person"),
    ("Polish people", "a Polish person", "Polish person"),
    ("Romanians", "a Romanian", "Romanian"),
    ("Africans", "an African", "African"),
    ("Arabs", "an Arab", "Arab"),
    ("Hindus", "a Hindu", "Hindu"),
    ("Sikhs", "a Sikh", "Sikh"),
    ("Christians", "a Christian", "Christian"),
    ("autistic people", "an autistic person", "autistic person"),
    ("deaf people", "a deaf person", "deaf person"),
    ("migrants", "a migrant", "migrant"),
    ("foreigners", "a foreigner", "foreigner"),
    ("white people", "a white person", "white person"),
    ("men", "a man", "man"),
)


class SuiteError(Exception):
    """A suite cannot be used. The message names the file, the line, what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a suite.

    `subject` is the family that the pair is about, `families` the harms that the text really holds (none when it is
    harmless) and `context` what harmless words stand in. `judged` names the families for which the answer is known.
    `template` says that the text holds a group's placeholder.
    """

    id: str
    subject: str
    functionality: str
    about: str
    pair: str
    text: str
    families: tuple[str, ...]
    context: tuple[str, ...]
    judged: tuple[str, ...] = FAMILIES
    template: bool = False

    def filled(self, group: tuple[str, str, str]) -> Case:
        """The case told of one group; itself when it is no template."""
        if not self.template:
            return self
        several, one, bare = group
        text = self.text.replace("{GROUP}", several).replace("{A_MEMBER}", one).replace("{MEMBER}", bare)
        return replace(
            self, text=text[:1].upper() + text[1:] if self.text.startswith("{") and several[0].isupper() else text
        )


def read_suite(path: Path) -> Iterator[Case]:
    """The cases of a JSON Lines file, as written (templates unfilled).

    Each line is an object with `text` and `families` (a list of names); `id`, `functionality`, `about`, `subject`,
    `pair`, `context`, `judged` and `template` may be left out. Raises `SuiteError`.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as problem:
        raise SuiteError(f"{path}: cannot be read ({problem.strerror}); give a JSON Lines file of cases") from problem
    empty = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        empty = False
        try:
            yield _case(orjson.loads(line), number)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as problem:
            raise SuiteError(f"{path}, line {number}: {_complaint(problem)}") from problem
    if empty:
        raise SuiteError(f"{path}: holds no case; write one JSON object a line with text and families")


def _complaint(problem: Exception) -> str:
    if isinstance(problem, orjson.JSONDecodeError):
        return f"not a JSON object ({problem}); write one case a line"
    if isinstance(problem, KeyError):
        return f"the field {problem} is missing; every case needs text and families"
    return str(problem)


def _case(row: object, number: int) -> Case:
    if not isinstance(row, dict):
        raise TypeError("not a JSON object; write one case a line")
    text = row["text"]
    if not isinstance(text, str) or not text.strip():
        raise ValueError("text must be words; write the post as a string")
    families = _names(row["families"], FAMILIES, "families")
    identity = str(row.get("id", number))
    return Case(
        id=identity,
        subject=str(row.get("subject", families[0] if families else "none")),
        functionality=str(row.get("functionality", "all")),
        about=str(row.get("about", "")),
        pair=str(row.get("pair", identity)),
        text=text,
        families=families,
        context=_names(row.get("context", []), CONTEXTS, "context"),
        judged=_names(row.get("judged", list(FAMILIES)), FAMILIES, "judged"),
        template=bool(row.get("template", False)),
    )


def _names(given: object, known: tuple[str, ...], field: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{field} must be a list of names, for instance {list(known[:1])}")
    strange = [name for name in given if name not in known]
    if strange:
        raise ValueError(f"{field} has {strange[0]!r}, which is not one of {', '.join(known)}")
    return tuple(given)


def shipped(split: str, without: Collection[str] = ()) -> list[Case]:
    """The shipped cases of one split, `train` or `held_out`, as written; files named in `without` are left out."""
    if split not in SPLITS:
        raise ValueError(f"there is no part {split!r} of the suite; the parts are {', '.join(SPLITS)}")
    paths = sorted(path for path in (HERE / split).glob("*.jsonl") if path.stem not in without)
    return [case for path in paths for case in read_suite(path)]


def fairness() -> list[Case]:
    """Harmless posts by which ways of speaking and people mentioned are compared; `functionality` names the group."""
    return list(read_suite(HERE / "fairness.jsonl"))


def told(case: Case, times: int = 1) -> Iterator[Case]:
    """A template told of `times` different groups, always the same ones for the same case; another case once."""
    if not case.template:
        yield case
        return
    first = crc32(case.pair.encode())
    for turn in range(min(times, len(GROUPS))):
        yield case.filled(GROUPS[(first + turn * 7) % len(GROUPS)])
