"""The platforms' public pages. Post text is somebody else's: always escaped, never in the listing."""

from __future__ import annotations

from urllib.parse import quote

from markupsafe import Markup, escape
from werkzeug import Response

from seawall.sandbox.profiles import PROFILES, Profile
from seawall.sandbox.replies import Refusal, reply
from seawall.sandbox.store import Store

_FRAME = Markup(
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"></head>\n'
    "<body>\n<header>{platform}: a demonstration platform</header>\n<main>\n{main}\n</main>\n</body>\n</html>\n"
)
_LISTED = 50


class Pages:
    """Handlers that anyone may call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def post(self, platform: str, native_id: str) -> Response:
        """Show one post: 200, or 410 once removed, or 451 while restricted."""
        profile = PROFILES[platform]
        row = self._store.reader.execute(
            "SELECT * FROM post WHERE platform = ? AND native_id = ?", (platform, native_id)
        ).fetchone()
        if row is None:
            return _page(404, profile, "No such post", Markup("<p>There is no such post here.</p>"))
        if row["state"] == "removed":
            return _page(410, profile, "Post removed", Markup("<p>This post was removed.</p>"))
        if row["state"] == "restricted":
            return _page(451, profile, "Post restricted", Markup("<p data-restricted>This post is restricted.</p>"))
        label = Markup("<p>This post carries a notice: {}.</p>\n").format(row["label"]) if row["label"] else ""
        main = Markup(
            '{}<article><h1>{}</h1><p><time datetime="{}">{}</time></p>\n<div class="text">{}</div></article>'
        ).format(label, row["account"], row["posted_at"], row["posted_at"], row["text"])
        return _page(200, profile, "Post", main)

    def listing(self, platform: str) -> Response:
        """Show how many posts there are in each state, and links to the first of them."""
        counts = dict(
            self._store.reader.execute(
                "SELECT state, count(*) FROM post WHERE platform = ? GROUP BY state", (platform,)
            ).fetchall()
        )
        rows = self._store.reader.execute(
            "SELECT native_id, state FROM post WHERE platform = ? ORDER BY native_id LIMIT ?", (platform, _LISTED)
        ).fetchall()
        links = Markup("\n").join(
            Markup('<li><a href="posts/{}">{}</a> ({})</li>').format(
                quote(row["native_id"], safe=""), row["native_id"], row["state"]
            )
            for row in rows
        )
        main = Markup("<h1>{}</h1>\n<p>{}</p>\n<p>{} up, {} removed, {} restricted.</p>\n<ul>\n{}\n</ul>").format(
            PROFILES[platform].title,
            PROFILES[platform].about,
            *(counts.get(state, 0) for state in ("up", "removed", "restricted")),
            links,
        )
        return _page(200, PROFILES[platform], PROFILES[platform].title, main)

    def index(self) -> Response:
        """Link to the platforms."""
        items = Markup("\n").join(
            Markup('<li><a href="{}/">{}</a>: {}</li>').format(profile.name, profile.title, profile.about)
            for profile in PROFILES.values()
        )
        frame = _FRAME.format(title="Sandbox", platform="Sandbox", main=Markup("<ul>\n{}\n</ul>").format(items))
        return _html(200, frame)

    def card(self, platform: str, base_url: str) -> Response:
        """Describe the platform to a hub: where it takes referrals, its key, its rules."""
        profile = PROFILES[platform]
        return reply(
            200,
            {
                "schema": "seawall-platform/1",
                "name": platform,
                "title": profile.title,
                "endpoint": f"{base_url}/{platform}/api",
                "public_key": self._store.public_key(platform),
                "rules": [{"rule": profile.rule, "dated": profile.rule_dated.isoformat()}],
                "demonstration": True,
            },
        )


def known(platform: str) -> str:
    """Return `platform` if it is one of ours, else refuse with 404."""
    if platform not in PROFILES:
        raise Refusal(404, "platform", f"There is no such platform; there are {', '.join(PROFILES)}.")
    return platform


def _page(status: int, profile: Profile, title: str, main: Markup) -> Response:
    return _html(status, _FRAME.format(title=f"{title} - {profile.title}", platform=profile.title, main=main))


def _html(status: int, page: str) -> Response:
    response = Response(escape(page), status=status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; base-uri 'none'; form-action 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
