"""Names of Matrix: what is one, what is not, and by which addresses people pass them on."""

import pytest

from seawall.formats.matrix import Named, NotMatrix, is_id, media_of, parse, server_of

ROOM, EVENT = "!abc:harbour.example", "$Ud2lVYujPYLAjnR33ypA6aBE0JASyNlrP7vqKlzfQdc"
NEW_ROOM = "!Ox28ejIjiid6sUO0ZijkX_tpt5i-6F-MU3mrGckTHEo"
ALIAS, USER = "#quay:harbour.example", "@ada:harbour.example"
MESSAGE = Named("event", room=ROOM, event=EVENT)
FILE = Named("media", media="harbour.example/gBVBTXpG_-1")


@pytest.mark.parametrize(
    ("address", "named"),
    [
        (f"https://matrix.to/#/{ROOM}/{EVENT}", MESSAGE),
        (f"https://matrix.to/#/{ROOM}/{EVENT}?via=a.example&via=b.example", MESSAGE),
        (f"https://MATRIX.to/#/%21abc%3Aharbour.example/%24{EVENT[1:]}", MESSAGE),
        (f"https://matrix.to/#/{NEW_ROOM}/{EVENT}", Named("event", room=NEW_ROOM, event=EVENT)),
        (f"https://matrix.to/#/{ALIAS}/{EVENT}", Named("event", room=ALIAS, event=EVENT)),
        (f"https://matrix.to/#/%23quay%3Aharbour.example/{EVENT}", Named("event", room=ALIAS, event=EVENT)),
        (f"https://matrix.to/#/{ROOM}", Named("room", room=ROOM)),
        (f"https://matrix.to/#/{ROOM}/", Named("room", room=ROOM)),
        (f"https://matrix.to/#/{USER}", Named("user", user=USER)),
        (f"https://app.client.example/#/room/{ROOM}/{EVENT}", MESSAGE),
        (f"https://client.example/web/?a=1#/room/{ROOM}/{EVENT}?via=x", MESSAGE),
        (f"https://client.example/#/user/{USER}", Named("user", user=USER)),
        (f"matrix:roomid/{ROOM[1:]}/e/{EVENT[1:]}?via=a.example", MESSAGE),
        (f"MATRIX:roomid/{ROOM[1:]}/e/{EVENT[1:]}", MESSAGE),
        (f"matrix:r/{ALIAS[1:]}/e/{EVENT[1:]}", Named("event", room=ALIAS, event=EVENT)),
        (f"matrix:r/{ALIAS[1:]}", Named("room", room=ALIAS)),
        (f"matrix:u/{USER[1:]}?action=chat", Named("user", user=USER)),
        (
            "https://matrix.to/#/!a:x.example/$old/slash+plus",
            Named("event", room="!a:x.example", event="$old/slash+plus"),
        ),
        ("mxc://harbour.example/gBVBTXpG_-1", FILE),
        ("https://m.example/_matrix/media/v3/download/harbour.example/gBVBTXpG_-1", FILE),
        ("https://m.example/_matrix/media/r0/download/harbour.example/gBVBTXpG_-1/name.png", FILE),
        ("https://m.example/_matrix/client/v1/media/thumbnail/harbour.example/gBVBTXpG_-1?width=9", FILE),
    ],
)
def test_address_is_read(address: str, named: Named) -> None:
    assert parse(address) == named


@pytest.mark.parametrize(
    "named",
    [MESSAGE, Named("event", room=ALIAS, event="$a/b?c#d%"), Named("room", room=ROOM), Named("user", user=USER), FILE],
)
def test_link_of_what_is_named_leads_back_to_it(named: Named) -> None:
    assert parse(named.link) == named


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://platform.example/posts/1",
        f"https://elsewhere.example/#/{ROOM}/{EVENT}",  # any page may have such a fragment
        "https://site.example/#!hashbang",
        "https://matrix.to/#!a:x.example",
        "https://matrix.to/",
        "https://matrix.to/#/",
        f"https://matrix.to/#/{EVENT}",
        f"https://matrix.to/#/{USER}/{EVENT}",
        f"https://matrix.to/#/{ROOM}/{ROOM}",
        f"https://matrix.to/#/{ROOM}/%24a%20b",
        f"https://matrix.to/#/{ROOM}/%24a%0Ab",
        f"https://matrix.to/#/{ROOM}/%24a%00",
        "https://matrix.to/#/!abc%2F..%2Fadmin:x.example/$e",
        f"https://matrix.to/#/!{'a' * 255}",
        "https://matrix.to/#/@ada",
        "https://matrix.to/#/@ada:",
        "https://matrix.to/#/@ada:../..",
        "https://matrix.to/#/@ada:x.example:port",
        "https://matrix.to/#/#quay",
        f"ftp://matrix.to/#/{ROOM}",
        "matrix:",
        "matrix:u",
        "matrix:e/abc",
        "matrix:x/abc:x.example",
        f"matrix:u/{USER[1:]}/e/abc",
        f"matrix:roomid/{ROOM[1:]}/e/abc/e/abc",
        "mxc://harbour.example",
        "mxc://harbour.example/a/b",
        "mxc://../abc",
        "mxc://harbour.example/../../x",
        "https://m.example/_matrix/media/v3/download/%2e%2e/abc",
        "https://m.example/_matrix/media/v3/config",
        f"https://matrix.to/#/{ROOM}\n",
        "x" * 5_000,
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(NotMatrix, match=r"\.$"):
        parse(address)


@pytest.mark.parametrize(
    ("pattern", "address", "named"),
    [
        ("https://c.example/r/{room}/m/{event}", f"https://c.example/r/{ROOM}/m/{EVENT}", MESSAGE),
        ("https://c.example/r/{room}/m/{event}", f"https://matrix.to/#/{ROOM}/{EVENT}", MESSAGE),
        ("https://c.example/#/{event}/in/{room}", f"https://c.example/#/{EVENT}/in/{ROOM}", MESSAGE),
        ("https://c.example/?u={user}&x=(1)", f"https://c.example/?u={USER}&x=(1)", Named("user", user=USER)),
        ("https://c.example/r/{room}", "https://c.example/r/%21abc%3Aharbour.example", Named("room", room=ROOM)),
    ],
)
def test_pattern_says_how_a_platform_writes_its_addresses(pattern: str, address: str, named: Named) -> None:
    assert parse(address, pattern) == named


@pytest.mark.parametrize(
    "address", [f"https://c.example/r/{ROOM}/m/x", f"https://c.example/r/{ROOM}/m/", "https://c.example/r/a/m/b"]
)
def test_what_fits_a_pattern_and_is_no_name_is_refused(address: str) -> None:
    with pytest.raises(NotMatrix):
        parse(address, "https://c.example/r/{room}/m/{event}")


@pytest.mark.parametrize(
    "pattern",
    [
        "c.example/{room}",
        "https://c.example/",
        "https://c.example/{event}",
        "https://c.example/{room}{event}",
        "https://c.example/{room}/{room}",
    ],
)
def test_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(NotMatrix, match="pattern"):
        parse(f"https://matrix.to/#/{ROOM}", pattern)


@pytest.mark.parametrize(
    ("identifier", "server"),
    [
        (USER, "harbour.example"),
        ("@ada:Harbour.Example:8448", "harbour.example:8448"),
        ("@ada:[2001:db8::1]:8448", "[2001:db8::1]:8448"),
        (ALIAS, "harbour.example"),
        (ROOM, "harbour.example"),
        (NEW_ROOM, ""),
        ("@ada:no server", ""),
    ],
)
def test_server_of_a_name(identifier: str, server: str) -> None:
    assert server_of(identifier) == server


def test_what_is_named_says_its_server() -> None:
    assert (MESSAGE.server, FILE.server, Named("user", user=USER).server) == ("harbour.example",) * 3


@pytest.mark.parametrize(
    ("text", "sigils", "good"),
    [
        (USER, "@", True),
        (USER, "!#", False),
        ("@:x.example", "@", True),  # old accounts may have no name
        ("#ü berg:x.example", "#", False),
        ("#überseering:x.example", "#", True),
        ("#a\u202e:x.example", "#", False),
        (f"#{'ü' * 130}:x.example", "#", False),  # bytes are counted
        ("", "@", False),
    ],
)
def test_identifier_is_told_from_what_is_none(text: str, sigils: str, good: bool) -> None:
    assert is_id(text, sigils) is good


@pytest.mark.parametrize(
    "value", [None, 7, {}, "", "harbour.example/abc", "https://harbour.example/abc", f"mxc://x.example/{'a' * 600}"]
)
def test_only_the_uri_of_a_file_is_one(value: object) -> None:
    assert media_of(value) == ""
    assert media_of("mxc://x.example:8448/abc") == "x.example:8448/abc"
