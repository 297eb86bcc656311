"""The post on a page: masked until a person chooses to see it, and then with what moved the detector marked in it.

The text is not in the page before that choice. Each showing is counted (`content.services.reveal`) and comes with a token that lets this
person see this version again for a quarter of an hour without being counted twice: on the page that a browser without scripts is sent
back to, and on a form that comes back with errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.core import signing
from django.db import transaction
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from seawall.hub.casework.hints import Why, why_flagged
from seawall.hub.casework.services import role_to_decide, role_to_review
from seawall.hub.content import queries as content_queries
from seawall.hub.content import services as content_services
from seawall.hub.content.models import Content
from seawall.hub.directory.models import Person
from seawall.hub.directory.services import acting_as

SALT = "seawall.casework.shown"
SHOWN_FOR = 15 * 60  # seconds that a showing counts for
GENTLE_NOTE_AT = 40  # posts seen in 24 hours from which the page suggests a break: a proposal of this hub


@dataclass(frozen=True, kw_only=True)
class Version:
    """An earlier version of the post. `text` is None while it is masked."""

    number: int
    text: str | None


@dataclass(frozen=True, kw_only=True)
class PostPanel:
    """What `casework/parts/post.html` draws. While the post is masked, `text` is None and `why` empty.

    `back` is where a browser without scripts returns to; `form` is the id of the page's own form, whose answers must not be lost, and
    `step` what that form then sends.
    """

    content: Content
    kind: str
    text: SafeString | None
    why: Why = field(default_factory=Why)
    token: str = ""
    blurred: bool = False
    fresh: bool = False
    earlier: Sequence[Version] = ()
    back: str = ""
    form: str = ""
    step: str = ""


def count_showing(*, content: Content, person: Person, version: int) -> str:
    """Count that the person chose to see a version of the post, and give the token for it. Raises PermissionError outside their desks."""
    role = role_to_decide(person=person, desk=content.desk) or role_to_review(person=person, desk=content.desk)
    if role is None:
        raise PermissionError(f"Your role at {content.desk.name} does not allow this.")
    with transaction.atomic():
        content_services.reveal(content=content, person=person, actor=acting_as(person, role))
    return signing.dumps([str(content.pk), version, str(person.pk)], salt=SALT, compress=True)


def shown_version(*, token: str, content: Content, person: Person) -> int | None:
    """Which version a token lets this person see; None when it is not theirs, not this post's, or too old."""
    try:
        held = signing.loads(token, salt=SALT, max_age=SHOWN_FOR)
    except signing.BadSignature:
        return None
    return int(held[1]) if (held[0], held[2]) == (str(content.pk), str(person.pk)) else None


def panel_for(
    *,
    content: Content,
    person: Person,
    kind: str,
    token: str = "",
    blurred: bool = False,
    fresh: bool = False,
    back: str = "",
    form: str = "",
    step: str = "",
) -> PostPanel:
    """The post, masked unless `token` says that this person chose to see it."""
    version = shown_version(token=token, content=content, person=person) if token else None
    text, why = None, Why()
    if version == content.version:
        newest = next(iter(content_queries.findings_of(content)), None)
        why = why_flagged(newest, content.text) if newest else why
        text = with_marks(content.text, why.spans)
    return PostPanel(
        content=content,
        kind=kind,
        text=text,
        why=why,
        token=token if version is not None else "",
        blurred=blurred,
        fresh=fresh,
        earlier=[
            Version(number=one.version, text=one.text if one.version == version else None)
            for one in content_queries.revisions_of(content)
        ],
        back=back,
        form=form,
        step=step,
    )


def with_marks(text: str, spans: Iterable[tuple[int, int]]) -> SafeString:
    """The text, escaped, with the spans marked. Spans that overlap or touch are marked as one; each must lie within the text."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    pieces: list[SafeString] = []
    at = 0
    for start, end in joined:
        pieces += [
            conditional_escape(text[at:start]),
            format_html('<mark class="sw-post__mark">{}</mark>', text[start:end]),
        ]
        at = end
    return mark_safe("".join([*pieces, conditional_escape(text[at:])]))  # noqa: S308  (every piece was escaped above)
