"""Copy the browser assets that Seawall uses out of their npm tarballs.

    python tools/vendor_frontend.py govuk-frontend-6.6.0.tgz ministryofjustice-frontend-11.1.0.tgz ...
    python tools/vendor_frontend.py --check

The tarballs are what `npm pack NAME@VERSION` writes. Each one's name, version and SHA-512 are pinned below, so a run
gives the same bytes everywhere. Only compiled CSS, JavaScript, the images which that CSS shows, and the licence are
kept. The GDS Transport font and every crown, crest and GOV.UK wordmark are left out: they may be used on GOV.UK only.
`--check` compares the vendored files with the digests in VERSIONS.md and needs no tarball.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "src" / "seawall" / "hub" / "web" / "static" / "vendor"
FOR_TESTS = ROOT / "tests" / "browser" / "vendor"

FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",arial,sans-serif'
"""What takes the place of GDS Transport: the reader's own interface font."""

RESERVED = re.compile(r"crest|crown|copyright-logo|logotype", re.IGNORECASE)
"""Selectors that draw marks reserved to the Crown and to GOV.UK."""

MIT = """The MIT License (MIT)

{notice}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""


class VendorError(Exception):
    """A tarball or a vendored file is not what this program expects; the text says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One npm package: what it must be, and what is taken from it.

    `files` maps a path inside the tarball's `package/` folder to the path written below `folder`. `images` is the
    folder, inside the tarball, where the CSS's `/assets/images/` lie. `notice` is the copyright line for a package that
    declares the MIT licence in its package.json but ships no licence file.
    """

    name: str
    version: str
    integrity: str
    licence: str
    folder: Path
    files: dict[str, str]
    images: str = ""
    notice: str = ""
    use: str = field(default="pages")


PACKAGES = (
    Package(
        name="govuk-frontend",
        version="6.6.0",
        integrity="sha512-xctkWrQvLnvQt7fyjQ3MGX9S0wz0x0RQuLxCeoXF+s8EjGICG81/DYQGKN5qgO+0KVT12UAaRwUsGY6fulRcRg==",
        licence="MIT",
        folder=STATIC / "govuk",
        files={
            "dist/govuk/govuk-frontend.min.css": "govuk-frontend.min.css",
            "dist/govuk/govuk-frontend.min.js": "govuk-frontend.min.js",
        },
        images="dist/govuk/assets/images",
        notice="Copyright (C) 2017 Crown Copyright (Government Digital Service)",
    ),
    Package(
        name="@ministryofjustice/frontend",
        version="11.1.0",
        integrity="sha512-1bkUbm2M4DpcpX/pOmumQRBsbJco9W2RwmJv5h/ZC/ZqrAOn2/FjpF+A7vS0gs7oMXBizr9O5huDrSYbLx73Nw==",
        licence="MIT",
        folder=STATIC / "moj",
        files={
            "moj/moj-frontend.min.css": "moj-frontend.min.css",
            "moj/moj-frontend.min.js": "moj-frontend.min.js",
        },
        images="moj/assets/images",
        notice="Copyright (C) Crown Copyright (Ministry of Justice)",
    ),
    Package(
        name="htmx.org",
        version="2.0.11",
        integrity="sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        licence="0BSD",
        folder=STATIC / "htmx",
        files={"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        name="axe-core",
        version="4.14.1",
        integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        licence="MPL-2.0",
        folder=FOR_TESTS,
        files={"axe.min.js": "axe.min.js", "LICENSE": "LICENSE", "LICENSE-3RD-PARTY.txt": "LICENSE-3RD-PARTY.txt"},
        use="accessibility tests only; not shipped",
    ),
)


def rules(css: str) -> Iterator[tuple[str, str | None]]:
    """The statements of a style sheet in order, as (prelude, block); the block is None after a semicolon."""
    start = depth = 0
    opened = -1
    quote = ""
    for at, char in enumerate(css):
        if quote:
            if char == quote and css[at - 1] != "\\":
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "{":
            depth += 1
            if depth == 1:
                opened = at
        elif char == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].strip(), css[opened + 1 : at]
                start = at + 1
        elif char == ";" and depth == 0:
            yield css[start:at].strip(), None
            start = at + 1


def without_reserved_marks(css: str) -> str:
    """The style sheet without @font-face and without the selectors that draw a crown, a crest or the wordmark."""
    kept: list[str] = []
    for prelude, block in rules(css):
        if block is None:
            kept.append(f"{prelude};")
        elif prelude.startswith("@font-face"):
            continue
        elif prelude.startswith(("@media", "@supports")):
            inner = without_reserved_marks(block)
            if inner:
                kept.append(f"{prelude}{{{inner}}}")
        else:
            selectors = ",".join(one for one in prelude.split(",") if not RESERVED.search(one))
            if selectors:
                kept.append(f"{selectors}{{{block}}}")
    return "".join(kept)


def clean_css(css: str) -> str:
    """The style sheet with our fonts and relative image addresses, without comments and reserved marks."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = without_reserved_marks(css)
    css = css.replace("GDS Transport,arial,sans-serif", FONTS)
    css = css.replace("url(/assets/images/", "url(images/")
    for left in ("GDS Transport", "url(/", "url(http", "@import"):
        if left in css:
            raise VendorError(f"the style sheet still holds {left!r} after cleaning: teach clean_css about it")
    if found := RESERVED.search(css):
        raise VendorError(f"the style sheet still mentions {found.group()!r} after cleaning: teach RESERVED about it")
    return css + "\n"


def clean_js(source: str) -> str:
    """The script without its source-map line, whose file is not vendored."""
    return re.sub(r"//# sourceMappingURL=\S+", "", source).rstrip() + "\n"


CLEANERS: dict[str, Callable[[str], str]] = {".css": clean_css, ".js": clean_js}


def read_tarball(path: Path) -> tuple[Package, dict[str, bytes]]:
    """The pinned package that `path` holds, and its files by their path inside `package/`.

    Raises
    ------
    VendorError
        When the file is no npm tarball, or is another package, version or content than the one pinned here.
    """
    try:
        raw = path.read_bytes()
        with tarfile.open(path) as tar:
            members = {m.name.removeprefix("package/"): m for m in tar.getmembers() if m.isfile()}
            contents = {name: stream.read() for name, m in members.items() if (stream := tar.extractfile(m))}
        about = json.loads(contents["package.json"])
    except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError, ValueError) as error:
        raise VendorError(
            f"{path}: not an npm tarball ({str(error).splitlines()[0]}); make one with: npm pack NAME@VERSION"
        ) from error
    for package in PACKAGES:
        if package.name == about.get("name"):
            break
    else:
        raise VendorError(f"{path}: {about.get('name')} is not a package that Seawall vendors; add it to PACKAGES")
    if about["version"] != package.version:
        raise VendorError(f"{path}: {package.name} is {about['version']}, but {package.version} is pinned")
    digest = "sha512-" + base64.b64encode(hashlib.sha512(raw).digest()).decode()
    if digest != package.integrity:
        raise VendorError(f"{path}: its integrity is {digest}, not the pinned one; take the tarball from npm again")
    if about.get("license") != package.licence:
        raise VendorError(f"{path}: its licence is now {about.get('license')}, it was {package.licence}; read it first")
    return package, contents


def vendor(package: Package, contents: dict[str, bytes]) -> list[Path]:
    """Write the wanted files of one package, replacing what was there, and return their paths."""
    shutil.rmtree(package.folder, ignore_errors=True)
    written: dict[str, bytes] = {}
    for source, target in package.files.items():
        if source not in contents:
            raise VendorError(f"{package.name} {package.version} has no {source}: the package's layout changed")
        clean = CLEANERS.get(Path(target).suffix)
        written[target] = clean(contents[source].decode("utf-8")).encode("utf-8") if clean else contents[source]
    styles = b"".join(data for target, data in written.items() if target.endswith(".css")).decode("utf-8")
    for image in sorted(set(re.findall(r"url\(images/([^)]+)\)", styles))):
        written[f"images/{image}"] = contents[f"{package.images}/{image}"]
    if package.notice:
        written["LICENSE"] = MIT.format(notice=package.notice).encode("utf-8")
    for target, data in written.items():
        path = package.folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return [package.folder / target for target in sorted(written)]


def versions(folder: Path) -> str:
    """The text of VERSIONS.md for the packages below `folder`: versions, licences, every file's digest."""
    lines = [
        "# Vendored browser assets",
        "",
        "Written by `tools/vendor_frontend.py`; do not edit these files by hand (a test compares their digests).",
        "Cleaned on the way in: no web fonts, no crown, crest or wordmark, no source maps, relative image addresses.",
        "GOV.UK Frontend and MoJ Frontend declare the MIT licence in package.json and ship no licence file;",
        "their LICENSE here is that licence's text with the rights holder's notice.",
        "",
        "| package | version | licence | used for |",
        "|---|---|---|---|",
    ]
    packages = [p for p in PACKAGES if p.folder == folder or folder in p.folder.parents]
    lines += [f"| {p.name} | {p.version} | {p.licence} | {p.use} |" for p in packages]
    lines += ["", "| file | SHA-256 |", "|---|---|"]
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "VERSIONS.md"):
        lines.append(f"| {path.relative_to(folder).as_posix()} | {hashlib.sha256(path.read_bytes()).hexdigest()} |")
    return "\n".join(lines) + "\n"


def check() -> None:
    """Compare what is vendored with VERSIONS.md.

    Raises
    ------
    VendorError
        Naming the folder whose files differ from their recorded digests.
    """
    for folder in (STATIC, FOR_TESTS):
        record = folder / "VERSIONS.md"
        if not record.exists() or record.read_text(encoding="utf-8") != versions(folder):
            raise VendorError(f"{folder}: the files differ from VERSIONS.md; vendor the four tarballs again")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tarballs", nargs="*", type=Path, metavar="TGZ")
    parser.add_argument("--check", action="store_true", help="only compare the vendored files with VERSIONS.md")
    options = parser.parse_args(arguments)
    if not options.check and not options.tarballs:
        parser.error("name the npm tarballs, or --check")
    try:
        if options.check:
            check()
        # Every tarball is checked before the first file is replaced.
        for package, contents in [read_tarball(path) for path in options.tarballs]:
            for path in vendor(package, contents):
                print(path.relative_to(ROOT))
            top = FOR_TESTS if package.folder == FOR_TESTS else STATIC
            (top / "VERSIONS.md").write_text(versions(top), encoding="utf-8")
    except VendorError as error:
        print(f"vendor_frontend: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
