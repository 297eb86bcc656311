"""What the sample takes from where: the slices of each set, its licence, and the words that decide fitness."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

OWN_LICENCE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class Human:
    """What people said about a post: the set's own label, and what that means in Seawall's terms (None: nothing)."""

    native: str
    family: str | None = None
    harm: str | None = None
    context: str | None = None
    target: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of a set: which rows (by native label, or text too), how many, and what their label means here."""

    source: str
    name: str
    count: int
    labels: Callable[[str], bool]
    text: re.Pattern[str] | None = None
    family: str | None = None
    harm: str | None = None
    context: str | None = None
    target: str | None = None

    def takes(self, row: Mapping[str, Any]) -> bool:
        return self.labels(row["label_native"]) and (self.text is None or bool(self.text.search(row["text"])))

    def human(self, row: Mapping[str, Any]) -> Human:
        return Human(
            native=row["label_native"], family=self.family, harm=self.harm, context=self.context, target=self.target
        )


@dataclass(frozen=True, kw_only=True)
class Licence:
    """A set's terms and origin, and the words its authors ask to be cited by."""

    licence: str
    origin: str
    cite: str


def one_of(*labels: str) -> Callable[[str], bool]:
    return lambda label: label in labels


def starting(*prefixes: str) -> Callable[[str], bool]:
    return lambda label: label.startswith(prefixes)


def votes(minimum: Mapping[str, int], none: tuple[str, ...] = ()) -> Callable[[str], bool]:
    """For labels such as "threat=2,insult=0,of=3": at least so many votes for these, and none for those."""

    def matches(label: str) -> bool:
        cast = dict(part.split("=") for part in label.split(","))
        return all(int(cast[name]) >= least for name, least in minimum.items()) and all(
            cast[name] == "0" for name in none
        )

    return matches


HEALTH_CLAIM = re.compile(
    r"vaccin|immun|\bcures?\b|\bcured\b|\bjab|remed|\btreat|vitamin|garlic|lemon|ginger|hot water|gargl|\bsteam|"
    r"\bmasks?\b|\b5g\b|"
    r"hydroxy|chloroquine|drink|\bsalt|inject|\bflu\b|prevent|symptom|infect|virus",
    re.I,
)
POLITICS = re.compile(
    r"\b(?:congress|senat|president|government|politic|election|vote|party|democrat|republican|court|judge|law)", re.I
)

SLICES: tuple[Slice, ...] = (
    Slice(
        source="threatgram",
        name="threats",
        count=91,
        labels=starting("2:"),
        family="violent_threat",
        harm="cand-threat",
        target="candidate",
    ),
    Slice(source="threatgram", name="calls for a court", count=65, labels=starting("1:"), context="democratic"),
    Slice(
        source="threatgram", name="political talk", count=40, labels=starting("0:"), context="democratic", text=POLITICS
    ),
    Slice(
        source="edos",
        name="sexism",
        count=59,
        labels=starting("2.1", "3.2", "4.1", "4.2"),
        family="hate",
        harm="hate-stirring",
    ),
    Slice(source="ghc", name="hate", count=15, labels=starting("hd"), family="hate", harm="hate-stirring"),
    Slice(source="hatexplain", name="hate", count=7, labels=one_of("hatespeech"), family="hate", harm="hate-stirring"),
    Slice(
        source="cad", name="hate", count=7, labels=one_of("IdentityDirectedAbuse"), family="hate", harm="hate-stirring"
    ),
    Slice(
        source="safenlp_implicit", name="hate", count=18, labels=starting("hate"), family="hate", harm="hate-stirring"
    ),
    Slice(
        source="misogyny_guest",
        name="hate",
        count=13,
        labels=starting("Misogynistic|Derogation"),
        family="hate",
        harm="hate-stirring",
    ),
    Slice(
        source="cad",
        name="abuse",
        count=45,
        labels=one_of("PersonDirectedAbuse"),
        family="abuse",
        harm="abuse-harassment",
    ),
    Slice(
        source="toxic_spans",
        name="abuse",
        count=79,
        labels=votes({"insult": 3}, none=("nottoxic",)),
        family="abuse",
        harm="abuse-harassment",
    ),
    Slice(source="trac1", name="abuse", count=8, labels=one_of("OAG"), family="abuse", harm="abuse-harassment"),
    Slice(
        source="toxic_spans",
        name="threats",
        count=6,
        labels=votes({"threat": 2}),
        family="violent_threat",
        harm="vio-threat",
    ),
    Slice(
        source="constraint_covid",
        name="false claims",
        count=71,
        labels=one_of("fake"),
        text=HEALTH_CLAIM,
        family="health_misinformation",
        harm="vax-misinfo",
    ),
    Slice(source="constraint_covid", name="health news", count=88, labels=one_of("real"), context="news"),
    Slice(source="pheme", name="news of violence", count=102, labels=starting("rumour="), context="news"),
    Slice(source="cad", name="counter-speech", count=18, labels=one_of("CounterSpeech"), context="counter_speech"),
    Slice(
        source="misogyny_guest",
        name="counter-speech",
        count=5,
        labels=starting("Nonmisogynistic|Counter_speech"),
        context="counter_speech",
    ),
    Slice(source="cad", name="ordinary", count=54, labels=one_of("Neutral")),
    Slice(source="edos", name="ordinary", count=34, labels=one_of("not sexist")),
    Slice(source="ghc", name="ordinary", count=30, labels=one_of("none")),
    Slice(source="hatexplain", name="ordinary", count=10, labels=one_of("normal")),
    Slice(source="trac1", name="ordinary", count=30, labels=one_of("NAG")),
    Slice(source="safenlp_implicit", name="ordinary", count=21, labels=starting("neutral")),
    Slice(source="goemotions_bg", name="ordinary", count=1380, labels=lambda _: True),
)

CASED_SETS = ("cad", "constraint_covid", "edos", "goemotions_bg", "pheme", "threatgram", "toxic_spans")
"""Sets that kept capital letters: from them it is learnt which words are ordinary and which are names."""

PROPER_NAMES_ALLOWED = frozenset(
    """
    i i'm i'd i'll i've monday tuesday wednesday thursday friday saturday sunday january february march april june
    july august september october november december christmas easter halloween god lord bible english american
    americans america british britain uk england scotland wales ireland irish scottish welsh london usa us canada
    canadian australia australian sydney ottawa paris france french germany german europe european russia russian
    china chinese india indian japan japanese mexico mexican africa african asia asian iran iraq israel syria
    afghanistan pakistan ukraine spain spanish italy italian brazil sweden swedish norway denmark greece greek
    turkey egypt nigeria muslim muslims islam islamic christian christians christianity catholic jewish hindu texas
    california florida washington york chicago boston ohio michigan arizona georgia virginia alaska hawaii ferguson
    missouri congress senate constitution republican republicans democrat democrats democratic gop dems government
    parliament supreme court capitol state states united covid coronavirus corona pandemic cdc fda nhs who reddit
    twitter facebook youtube google netflix internet tv ok fbi cia nato eu un nfl nba mlb psa ama tl;dr dm pm sub op
    ceo dna fyi imo imho lol omg wtf tbh btw idk ikr germanwings airbus cnn bbc
    """.split()  # noqa: SIM905 - a list of 150 quoted words reads worse
)
"""Capitalised words that name no person: days, places, faiths, parties, bodies and services."""

UNWANTED_WORDS = re.compile(
    r"\b(?:"
    r"rap(?:e|es|ed|ing|ist|ists)|molest\w*|groom(?:er|ers|ing)?|p[ae]*edo\w*|incest\w*|"
    r"child(?:ren)?'?s? porn\w*|porn\w*|sex(?:ual|ually)? \w*assault\w*|prostitut\w*|virgin\w*|orgasm\w*|"
    r"breed\w*|suicid\w*|self[- ]?harm\w*|kys|kms|anorexi\w*|bulimi\w*|overdos\w*|"
    r"cut(?:ting)? (?:my|your)self|(?:kill|hang|shoot|hurt|off|end) (?:my|your|him|her|them)self|"
    r"end (?:my|your) life|die already|jump off|gas(?:sed)? chamber\w*|genocid\w*|lynch\w*|"
    r"my (?:real )?name is|my address|lives (?:at|in)|phone number|year old (?:boy|girl|child)|penis\w*|"
    r"vagina\w*|foreskin|circumcis\w*|condoms?|nipples?|boners?|blow ?jobs?|hymen|nazi\w*|hitler\w*|"
    r"holocaust\w*|necklac\w*"
    r")\b",
    re.I,
)
"""Words of sexual violence, self-harm, or identification: no real post that holds one is used."""

LICENCES: Mapping[str, Licence] = {
    "cad": Licence(
        licence="CC-BY-4.0",
        origin="Contextual Abuse Dataset (Zenodo record 4881008)",
        cite="B. Vidgen and others, 'Introducing CAD: the Contextual Abuse Dataset', NAACL 2021",
    ),
    "constraint_covid": Licence(
        licence="MIT",
        origin="Constraint@AAAI-2021 COVID-19 fake news data, GitHub copy diptamath/covid_fake_news",
        cite="P. Patwa and others, 'Fighting an Infodemic: COVID-19 Fake News Dataset', 2020",
    ),
    "edos": Licence(
        licence="CC0-1.0",
        origin="Explainable Detection of Online Sexism, GitHub rewire-online/edos",
        cite="H. Kirk and others, 'SemEval-2023 Task 10: Explainable Detection of Online Sexism', 2023",
    ),
    "ghc": Licence(
        licence="CC-BY-4.0",
        origin="Gab Hate Corpus (OSF), as split in GitHub "
        "BrendanKennedy/contextualizing-hate-speech-models-with-explanations",
        cite="B. Kennedy and others, 'Introducing the Gab Hate Corpus', Language Resources and Evaluation, 2022",
    ),
    "goemotions_bg": Licence(
        licence="Apache-2.0",
        origin="GoEmotions (google-research), GitHub copy monologg/GoEmotions-pytorch; no negative emotions",
        cite="D. Demszky and others, 'GoEmotions: A Dataset of Fine-Grained Emotions', ACL 2020",
    ),
    "hatexplain": Licence(
        licence="MIT",
        origin="HateXplain, GitHub hate-alert/HateXplain",
        cite="B. Mathew and others, 'HateXplain: A Benchmark Dataset for Explainable Hate Speech Detection', AAAI 2021",
    ),
    "misogyny_guest": Licence(
        licence="MIT",
        origin="Expert annotated misogyny data, GitHub ellamguest/online-misogyny-eacl2021",
        cite="E. Guest and others, 'An Expert Annotated Dataset for the Detection of Online Misogyny', EACL 2021",
    ),
    "pheme": Licence(
        licence="CC-BY-4.0",
        origin="PHEME rumour data (figshare), by way of GitHub Media-Bias-Group/magpie-multi-task",
        cite="A. Zubiaga and others, 'PHEME dataset of rumours and non-rumours', figshare, 2016",
    ),
    "safenlp_implicit": Licence(
        licence="MIT",
        origin="implicitHate.json of GitHub microsoft/SafeNLP, after the Implicit Hate corpus",
        cite="M. ElSherief and others, 'Latent Hatred: A Benchmark for Understanding Implicit Hate Speech', EMNLP 2021",
    ),
    "threatgram": Licence(
        licence="CC-BY-4.0",
        origin="ThreatGram 101 (singlelabelmulticlass/ThreatGram101), GitHub copy CatGamer7/Telegram-threats",
        cite="'ThreatGram 101: Extreme Telegram Replies Data with Threat Levels', by singlelabelmulticlass",
    ),
    "toxic_spans": Licence(
        licence="CC0-1.0",
        origin="SemEval-2021 Task 5 toxic spans (comments of Civil Comments), GitHub ipavlopoulos/toxic_spans",
        cite="J. Pavlopoulos and others, 'SemEval-2021 Task 5: Toxic Spans Detection', 2021",
    ),
    "trac1": Licence(
        licence="Apache-2.0",
        origin="TRAC-1 aggression data, GitHub kmi-linguistics/trac-1",
        cite="R. Kumar and others, 'Aggression-annotated Corpus of Hindi-English Code-mixed Data', LREC 2018",
    ),
}

PAGE_HEAD = """# Where these posts come from, and on what terms

{total} posts. {own} were written for Seawall and are nobody's experience: every post about suicide, self-harm, eating
disorders, gangs or the sale of weapons, everything about "the candidate for Northford" (no such place, no such person),
and the posts of support, mourning and art beside them. The others are real public posts from the research sets below,
each under the licence that its set states.

Changed in the real posts: user names became `[user]` and links `[url]`; runs of white space became one space. Rows
were left out when they were longer than 400 characters, named or could identify a person, held contact details, a slur
or sexual detail, or repeated another. **The account, platform and time of every post are invented**; no account here is
anybody's. The labels under `human.native` are the sets' own; `family`, `harm`, `context` and `target` are Seawall's
reading of them. The authors of the sets endorse nothing here.

| source | posts | licence | origin | please cite |
|---|---|---|---|---|
"""

PAGE_FOOT = """
## The licences

- **CC-BY-4.0**: Creative Commons Attribution 4.0 International, creativecommons.org/licenses/by/4.0. The table names
  the makers; the paragraph above says what was changed.
- **CC0-1.0**: given to the public domain; cited out of courtesy.
- **Apache-2.0**: the text is in the file LICENSE at the root of this repository.
- **MIT**, copyright the makers named in the table: Permission is hereby granted, free of charge, to any person
  obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without
  restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
  and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
  following conditions: The above copyright notice and this permission notice shall be included in all copies or
  substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
  IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
  NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
  LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
  SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def licences_page(counts: Mapping[str, int]) -> str:
    """The LICENCES.md that stands beside the posts, from the number of posts of each source."""
    lines = [PAGE_HEAD.format(total=sum(counts.values()), own=counts["seawall"])]
    for source, count in sorted(counts.items()):
        if source == "seawall":
            lines.append(f"| seawall | {count} | {OWN_LICENCE} | written for Seawall, by hand | Seawall |\n")
        else:
            terms = LICENCES[source]
            lines.append(f"| {source} | {count} | {terms.licence} | {terms.origin} | {terms.cite} |\n")
    return "".join(lines) + PAGE_FOOT
