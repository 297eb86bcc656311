"""Pages that show every component, for tests and for eyes: `PYTHONPATH=src:. python tests/hub/web/gallery.py FOLDER`.

Runs on settings of its own, without a database, a user or the hub's routes, so that a component can be looked at before
any page uses it. FOLDER gets the pages, the static files as the hub's manifest storage writes them, and the hub's
security policy.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import django
from csp.utils import build_policy
from django import forms
from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.core.management import call_command
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import RequestFactory
from django.urls import include, path

from seawall.hub import settings as hub

NONCE = "gallery"
NOW = dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC)


def configure(static_root: Path) -> None:
    """Settings like the hub's, as far as pages are concerned."""
    settings.configure(
        SECRET_KEY="gallery",
        USE_TZ=True,
        LANGUAGE_CODE=hub.LANGUAGE_CODE,
        ROOT_URLCONF=__name__,
        FORM_RENDERER=hub.FORM_RENDERER,
        INSTALLED_APPS=["django.contrib.staticfiles", "django.forms", "seawall.hub.web"],
        STATIC_URL=hub.STATIC_URL,
        STATIC_ROOT=static_root,
        STORAGES={
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
        },
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "DIRS": [Path(__file__).parent / "gallery_templates"],
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
    )
    django.setup()


def nothing(request: HttpRequest, key: str = "") -> HttpResponse:
    """Stands for the views of django-allauth, of which pages need only the addresses."""
    return HttpResponse()


ACCOUNT_NAMES = (
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "mfa_index",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",
)
urlpatterns = [
    path("", nothing, name="home"),
    path("accounts/", include([path(f"{name}/", nothing, name=name) for name in ACCOUNT_NAMES])),
]


class SignIn(forms.Form):
    """The fields of django-allauth's sign-in form, as that library writes them."""

    login = forms.EmailField(label="Email", widget=forms.EmailInput({"placeholder": "Email address"}))
    password = forms.CharField(label="Password", widget=forms.PasswordInput({"autocomplete": "current-password"}))
    remember = forms.BooleanField(label="Remember Me", required=False)


class Code(forms.Form):
    """The field of django-allauth's authenticator forms."""

    code = forms.CharField(
        label="Code", widget=forms.TextInput({"placeholder": "Code", "autocomplete": "one-time-code"})
    )
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def pages() -> dict[str, str]:
    """Every page of the gallery, by file name."""
    from tests.hub.web import gallery_forms as own

    from seawall.clock import Basis, Clock, Event, EventKind, Limit, PauseReason, Start

    def clock(hours: float, ago: float, *more: Event) -> Clock:
        limit = Limit(
            length=dt.timedelta(hours=hours),
            basis=Basis.PROPOSAL,
            citation="The hub's code",
            starts=Start.NOTICE_VALID,
            pausable=frozenset(PauseReason),
        )
        return Clock(limit, [Event(NOW - dt.timedelta(hours=ago), EventKind.STARTED), *more])

    def at(hours: float) -> dt.datetime:
        return NOW - dt.timedelta(hours=hours)

    clocks = {
        "due": clock(4, 0.9),
        "urgent": clock(1, 0.6),
        "overdue": clock(24, 75),
        "paused": clock(24, 20, Event(at(2), EventKind.PAUSED, PauseReason.INFORMATION_REQUESTED)),
        "met": clock(24, 10, Event(at(1), EventKind.STOPPED)),
        "late": clock(4, 10, Event(at(1), EventKind.STOPPED)),
    }
    harms = ["Threat of violence", "Encouraging self-harm", "Abuse of a candidate", "Hate", "Vaccine misinformation"]
    cases = [
        {
            "reference": f"SW-2026-{number:05}",
            "harm": harms[number % 5],
            "severity": 5 - number % 5,
            "platform": ["Lighthouse", "Plaza", "Murmur"][number % 3],
            "clock": list(clocks.values())[number % 4],
            "seen": NOW - dt.timedelta(hours=number * 7, minutes=13),
        }
        for number in range(1, 61)
    ]
    factory = RequestFactory()

    def render(template: str, query: str = "", **context: object) -> str:
        request = factory.get("/queue", query_params=dict(pair.split("=") for pair in query.split("&") if pair))
        request.csp_nonce = NONCE  # type: ignore[attr-defined]  # what django-csp's middleware sets
        return engines["django"].get_template(template).render({"product": "Seawall", "now": NOW, **context}, request)

    staff = {
        "demonstration": True,
        "person": {"name": "Amina Okafor", "email": "amina.okafor@hub.example"},
        "role_label": "Analyst, Northern desk",
        "csrf_token": "token",
        "navigation": [
            {"label": "Queue", "url": "#", "current": True},
            {"label": "My cases", "url": "#", "current": False},
            {"label": "Referrals", "url": "#", "current": False},
            {"label": "Scorecard", "url": "#", "current": False},
            {"label": "Code of practice", "url": "#", "current": False},
        ],
    }
    public = {
        "demonstration": True,
        "navigation": [
            {"label": "Report something", "url": "#", "current": True},
            {"label": "Follow a report", "url": "#", "current": False},
            {"label": "What the rules say", "url": "#", "current": False},
        ],
        "footer_links": [{"label": "Accessibility", "url": "#"}, {"label": "Privacy", "url": "#"}],
    }
    wrong = own.Decision(
        {"outcome": "refer", "elements": ["communication"], "posted_0": "31", "posted_1": "2", "posted_2": "2026"}
    )
    messages = [
        Message(constants.SUCCESS, "Case SW-2026-00014 is yours."),
        Message(constants.ERROR, "The platform did not take the referral. It is tried again in 5 minutes."),
    ]
    history = [
        {
            "label": "Referred to Lighthouse",
            "by": "Amina Okafor",
            "at": at(1),
            "text": "Under section 181 of the Online Safety Act 2023.",
        },
        {"label": "Decision agreed", "by": "Tomasz Nowak", "at": at(3), "text": "Second review: concur."},
        {"label": "Case opened", "by": "the detector", "at": at(28), "url": "#", "link": "See the findings"},
    ]
    codes = [f"{n:04x}-{n * 7 % 65536:04x}" for n in range(4101, 4111)]
    signing_in = {"form": SignIn(), "redirect_field": ""}
    found = {
        "queue.html": render(
            "queue.html",
            "platform=Plaza&severity=4&page=2&sort=due",
            page=Paginator(cases, 12).get_page(2),
            filter=own.QueueFilter({"platform": "Plaza", "severity": ["4"]}),
            **staff,
        ),
        "case.html": render(
            "case.html",
            post="The words of the post stand here.\n\nIts second paragraph.",
            rows=[
                {"key": "Author", "value": "@example", "actions": [{"text": "See", "url": "#"}]},
                ("Language", "English"),
            ],
            clocks=clocks,
            history=history,
            messages=messages,
            **staff,
        ),
        "decision.html": render("decision.html", form=own.Decision(), **staff),
        "decision-errors.html": render("decision.html", form=wrong, **staff),
        "scorecard.html": render(
            "scorecard.html",
            by_harm=[("Abuse of a candidate", 512), ("Threat of violence", 341), ("Hate", 260), ("Self-harm", 171)],
            share=[("Lighthouse", 87), ("Plaza", 64), {"label": "Murmur", "value": None}],
            series=["Took it down", "Refused", "Asked", "Silent"],
            outcomes=[("Lighthouse", 940, 210, 80, 54), ("Plaza", 402, 96, 44, 210), ("Murmur", 12, 40, 0, 88)],
            **staff,
        ),
        "components.html": render("components.html", clocks=clocks, **staff),
        "report.html": render("report.html", form=own.Report(), **public),
        "report-errors.html": render("report.html", form=own.Report({"reason": "x" * 600}), **public),
        "sign-in.html": render("account/login.html", **signing_in, **public),
        "sign-in-errors.html": render("account/login.html", form=SignIn({}), **public),
        "sign-out.html": render("account/logout.html", **staff),
        "code.html": render("mfa/authenticate.html", form=Code(), **public),
        "authenticator.html": render(
            "mfa/totp/activate_form.html",
            form=Code(),
            totp_svg_data_uri="data:image/svg+xml;utf8,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E",
            **staff,
        ),
        "account.html": render(
            "mfa/index.html",
            MFA_SUPPORTED_TYPES=["totp", "recovery_codes"],
            is_mfa_enabled=True,
            authenticators={"totp": True},
            **staff,
        ),
        "recovery-codes.html": render(
            "mfa/recovery_codes/index.html",
            unused_codes=codes,
            total_count=10,
            can_view_codes=True,
            can_download_codes=True,
            can_generate_codes=True,
            **staff,
        ),
        "password.html": render("account/password_change.html", form=own.NewPassword(), **staff),
    }
    for name in ("403", "403_csrf", "404", "429"):
        found[f"{name}.html"] = render(f"{name}.html", **staff)
    for name in ("400", "500"):
        # Django draws these without any context.
        found[f"{name}.html"] = engines["django"].get_template(f"{name}.html").render()
    return found


def write(folder: Path) -> None:
    """Put the gallery into `folder`."""
    configure(folder / "static")
    call_command("collectstatic", interactive=False, verbosity=0)
    for name, html in pages().items():
        (folder / name).write_text(html, encoding="utf-8")
    (folder / "policy.json").write_text(
        json.dumps(build_policy(config=hub.CONTENT_SECURITY_POLICY["DIRECTIVES"], nonce=NONCE))
    )


if __name__ == "__main__":
    sys.modules["tests.hub.web.gallery"] = sys.modules["__main__"]
    write(Path(sys.argv[1]))
