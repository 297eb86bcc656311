"""The words for the person whose post was referred: versions with slots, kept as data, and how a platform takes complaints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from string import Formatter
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Max

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory.models import Person, Platform
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record
from seawall.hub.referrals.models import ComplaintRoute, NoticeText

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English"}
"""The languages that words can be written in."""
MAX_TEXT = 3_000  # characters of the words with their slots; filled in they stay below the 5,000 that a document takes
MAX_DAYS = 3_650

SLOTS = {
    "platform": "the platform’s name",
    "who": "what type of body referred it, and that it is a body of the state where it is one",
    "asked": "what the platform was asked to do",
    "ground": "the law or the dated rule of the platform that it was referred under",
    "decides": "that the platform decides and this was advice, or that it was a notice under a statute",
    "appeal": "how to complain to the platform, and until when",
    "link": "the public page about this referral",
}
"""What can stand in braces, and what it becomes."""
NEEDED = ("who", "ground", "decides", "appeal", "link")
"""The slots without which the words would not say what they have to."""

SHIPPED = (
    "Somebody asked {platform} to look at a post of yours. It was {who}. They asked {platform} to {asked}.\n\n"
    "They said that the post breaks {ground}. {decides}\n\n"
    "Do you think that this was wrong? Then you can say so. {appeal}\n\n"
    "You can also tell us. We are the hub that sent the request on. This page says what was asked and what came of it. "
    "It does not show your post. You can write to us there, and you need no account: {link}"
)
"""The words that count where nobody has adopted others: version 0."""

BODIES = {
    "hub": "a hub that works against harm online",
    "police": "a police body",
    "charity": "a charity",
    "platform": "another online service",
    "regulator": "a regulator",
    "ombudsman": "an ombudsman",
    "electoral_authority": "a body that runs elections",
    "government": "a government body",
    "health_body": "a health body",
    "member_of_the_public": "a member of the public",
}
ASKED = {
    "remove": "take it down",
    "restrict_age": "show it to adults only",
    "demote": "stop showing it to people who did not ask for it",
    "label": "put a note on it",
}
BINDING = {
    "formal_notice": "This was not advice. It was a notice under a law. Whoever gave it says that {platform} has to follow it.",
    "removal_order": "This was not advice. It was an order under a law. Whoever gave it says that {platform} has to follow it.",
}
ADVICE = "This was advice. {platform} makes up its own mind."


class TextRefused(Exception):
    """Words that cannot be adopted, with the reason in a sentence."""


def _fields(text: str) -> list[str]:
    """The slots that a text names. Raises TextRefused for anything in braces that is none."""
    found = []
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TextRefused("A brace stands alone. Write a slot as {platform}, and use no other braces.") from error
    for _words, name, form, conversion in parts:
        if name is None:
            continue
        if name not in SLOTS or form or conversion:
            shown = name[:40] + (f":{form[:20]}" if form else "") + (f"!{conversion}" if conversion else "")
            raise TextRefused(
                f"There is no slot {{{shown}}}. The slots are: {', '.join(f'{{{one}}}' for one in SLOTS)}."
            )
        found.append(name)
    if "{{" in text or "}}" in text:
        raise TextRefused("A brace stands alone. Write a slot as {platform}, and use no other braces.")
    return found


def checked(text: str) -> str:
    """The words as they are kept. Raises TextRefused with a sentence for what is wrong with them."""
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > MAX_TEXT or "\x00" in text:
        raise TextRefused(f"Write the words, in {MAX_TEXT:,} characters at most.")
    named = _fields(text)
    if missing := [name for name in NEEDED if name not in named]:
        raise TextRefused(f"The words have to hold the slot {{{missing[0]}}}: {SLOTS[missing[0]]}.")
    return text


def filled(text: str, values: Mapping[str, str]) -> str:
    """The words with every slot filled in; nothing in a value is read as a slot."""
    return "".join(
        words + (values[name] if name is not None else "") for words, name, _f, _c in Formatter().parse(text)
    )


def wording(*, platform: Platform | None, language: str = ENGLISH) -> tuple[str, NoticeText | None]:
    """The words in force for a platform, or for every platform: its own, else everybody's, else the shipped ones (None)."""
    found = NoticeText.objects.filter(language=language).order_by("-version")
    own = found.filter(platform=platform).first() if platform is not None else None
    kept = own or found.filter(platform=None).first()
    return (kept.text, kept) if kept is not None else (SHIPPED, None)


def complaint_route(platform: Platform) -> ComplaintRoute | None:
    """How people complain to the platform, as the directory has it; None where nobody has looked."""
    return ComplaintRoute.objects.filter(platform=platform).order_by("-entered_at", "-id").first()


def who(document: channels.ReferralDocument) -> str:
    """What type of body refers, never its name; that it is a body of the state is always said."""
    state = ", which is a body of the state" if document.referrer.state_body else ""
    return f"{BODIES[document.referrer.type]}{state}"


def ground(document: channels.ReferralDocument, platform: str, rule: str = "") -> str:
    """The law or the platform's dated rule that a referral stands on. `rule` is the rule's title where it is known."""
    laws = [f"{one.act}, {one.section}" for one in document.grounds.legal]
    said = [f"this law: {'; '.join(laws)}"] if laws else []
    term = document.grounds.term
    if term is not None:
        title = rule or term.rule.partition(":")[0]
        title = " ".join(title.split())[:200]
        said.append(f"this rule of {platform}: “{title}”, as it stood on {_day(term.dated)}")
    return " and ".join(said)


def appeal(platform: str, route: ComplaintRoute | None) -> str:
    """How to complain to the platform; general words where the directory has no route."""
    if route is None:
        return f"Ask {platform} to look again. Its help pages or its app should say how."
    limit = f" You have {route.days} {'day' if route.days == 1 else 'days'} to do it." if route.days else ""
    return (
        f"Ask {platform} to look again, here: {route.address} .{limit} (We checked this on {_day(route.last_checked)}.)"
    )


def decides(document: channels.ReferralDocument, platform: str) -> str:
    """Whether it was advice or binds the platform."""
    return BINDING.get(document.kind, ADVICE).replace("{platform}", platform)


@dataclass(frozen=True, kw_only=True)
class Composed:
    """Words ready to be shown, with the version that they were made of (None: the shipped one)."""

    text: str
    language: str
    wording: NoticeText | None


def composed(
    *, document: channels.ReferralDocument, platform: Platform, link: str, rule: str = "", language: str = ENGLISH
) -> Composed:
    """The words for one referral."""
    text, kept = wording(platform=platform, language=language)
    return Composed(
        text=filled(text, values(document=document, platform=platform, link=link, rule=rule)),
        language=language,
        wording=kept,
    )


def values(*, document: channels.ReferralDocument, platform: Platform, link: str, rule: str = "") -> dict[str, str]:
    """What each slot becomes for one referral."""
    return {
        "platform": platform.name,
        "who": who(document),
        "asked": ASKED[document.requested_action],
        "ground": ground(document, platform.name, rule),
        "decides": decides(document, platform.name),
        "appeal": appeal(platform.name, complaint_route(platform)),
        "link": link,
    }


def preview(text: str, *, platform: Platform | None) -> list[tuple[str, str]]:
    """What two made-up referrals would say with these words: advice by a charity, a notice by the police. Raises TextRefused."""
    text = checked(text)
    name = platform.name if platform is not None else "Example"
    route = complaint_route(platform) if platform is not None else None
    common = {"platform": name, "asked": ASKED["remove"], "appeal": appeal(name, route)}
    link = "https://hub.example/notice/secret/"
    rule = f"this rule of {name}: “Be kind”, as it stood on 1 September 2026"
    law = "this law: Public Order Act 1986, section 4A"
    return [
        (
            "Advice by a charity, under a rule of the platform",
            filled(
                text,
                {
                    **common,
                    "who": BODIES["charity"],
                    "ground": rule,
                    "decides": ADVICE.replace("{platform}", name),
                    "link": link,
                },
            ),
        ),
        (
            "Advice by a police body, under a law",
            filled(
                text,
                {
                    **common,
                    "who": f"{BODIES['police']}, which is a body of the state",
                    "ground": law,
                    "decides": ADVICE.replace("{platform}", name),
                    "link": link,
                },
            ),
        ),
    ]


@transaction.atomic
def adopt(*, platform: Platform | None, text: str, person: Person, language: str = ENGLISH) -> NoticeText:
    """Adopt words for a platform, or for every platform. Referrals made from now on carry them; no earlier one changes.

    Raises PermissionError for anybody but an administrator, TextRefused.
    """
    actor = acting_as(person, Role.ADMINISTRATOR)
    if language not in LANGUAGES:
        raise TextRefused(f"Words can be written in: {', '.join(LANGUAGES.values())}.")
    text = checked(text)
    if platform is not None:
        Platform.objects.select_for_update().get(pk=platform.pk)
    last = NoticeText.objects.filter(platform=platform, language=language).aggregate(last=Max("version"))["last"] or 0
    made = NoticeText.objects.create(
        platform=platform, language=language, version=last + 1, text=text, adopted_by=person, adopted_at=moment.now()
    )
    record(
        event=ledger.NoticeTextAdopted(
            platform=platform.slug if platform is not None else None,
            language=language,
            version=made.version,
            digest=sha256(text.encode()).hexdigest(),
        ),
        subject=made,
        actor=actor,
    )
    return made


@transaction.atomic
def enter_complaint_route(
    *, platform: Platform, address: str, days: int | None, source_url: str, last_checked: date, person: Person
) -> ComplaintRoute:
    """Write down how people complain to a platform, where that is said, and on which day it was read.

    Raises PermissionError for anybody but an administrator, FormIncomplete.
    """
    actor = acting_as(person, Role.ADMINISTRATOR)
    address, source_url = address.strip(), source_url.strip()
    if not _is_web(address) and not _is_mail(address):
        raise FormIncomplete.one("address", "Give a page that begins with https://, or a mail address.")
    if not _is_web(source_url):
        raise FormIncomplete.one("source_url", "Give the page where the platform says so; it begins with https://.")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise FormIncomplete.one("days", f"Give a number of days from 1 to {MAX_DAYS:,}, or leave it empty.")
    if last_checked > moment.now().date():
        raise FormIncomplete.one("last_checked", "The day on which it was checked cannot lie in the future.")
    made = ComplaintRoute.objects.create(
        platform=platform,
        address=address,
        days=days,
        source_url=source_url,
        last_checked=last_checked,
        entered_by=person,
        entered_at=moment.now(),
    )
    record(event=ledger.ComplaintRouteEntered(platform=platform.slug), subject=made, actor=actor)
    return made


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and len(address) <= 500
        and address.isprintable()
        and " " not in address
    )


def _is_mail(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(address) <= 254


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
