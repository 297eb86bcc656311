"""Fetching from the open web without becoming a way into the network that the hub stands in.

Outside addresses are hostile: whoever posts a link chooses where the hub connects. So every fetch of a probe or a
channel goes through :class:`Outbound`, which resolves the name itself, refuses every address that is not on the public
internet, connects to *the address that it checked* (a name that changes its answer between check and connection gains
nothing) and keeps the name for ``Host`` and for the TLS certificate.
"""

from __future__ import annotations

import ipaddress
import itertools
import socket
import ssl
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpcore
import httpx

from seawall import __version__

ErrorKind = Literal["timeout", "refused", "dns", "tls", "too_large", "protocol"]
Resolver = Callable[[str, int], list[str]]

USER_AGENT = f"Seawall/{__version__} (online harm referral hub)"
MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_METADATA = frozenset(
    {
        ipaddress.ip_address("168.63.129.16"),  # Azure's wire server has a public address
    }
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_deadline: ContextVar[float] = ContextVar("seawall_outbound_deadline")


class OutboundRefused(Exception):
    """The hub's own rules forbid this fetch; trying again changes nothing."""


class OutboundError(Exception):
    """The fetch was allowed and failed; ``kind`` says how, the message says it in a sentence."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind


@dataclass(frozen=True, slots=True)
class Fetched:
    """One finished fetch.

    ``url`` is where the answer came from, after redirects; ``hops`` lists every address asked, the first included.
    ``truncated`` is true when the caller accepted a cut body and the body was longer than the cap.
    """

    status: int
    url: str
    headers: httpx.Headers
    body: bytes
    hops: tuple[str, ...]
    truncated: bool = False


def why_refused(address: str) -> str | None:
    """Say why `address` (an IP address as text) is not on the public internet, or None when it is."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        for inner in _embedded(ip):
            if reason := why_refused(str(inner)):
                return f"{reason} inside an IPv6 address"
        if ip in _NAT64:
            return None  # the only road to IPv4 from a network that has IPv6 alone; the inner address passed
    for name, is_so in (
        ("a metadata service", ip in _METADATA or str(ip) == "169.254.169.254"),
        ("a loopback address", ip.is_loopback),
        ("a link-local address", ip.is_link_local),
        ("an unspecified address", ip.is_unspecified),
        ("a multicast address", ip.is_multicast),
        ("a private or reserved address", ip.is_private or ip.is_reserved or not ip.is_global),
        ("a private or reserved address", isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local),
    ):
        if is_so:
            return name
    return None


def _embedded(ip: ipaddress.IPv6Address) -> Iterable[ipaddress.IPv4Address]:
    """Yield every IPv4 address that a translator could take this IPv6 address to mean."""
    if ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield from ip.teredo
    if ip in _NAT64:
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)


def system_resolver(host: str, port: int) -> list[str]:
    """Resolve `host` as the operating system does; numeric shorthands (decimal, octal, hex) included."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Outbound:
    """A small HTTP client for addresses that somebody else chose.

    Only http and https; no cookies; no proxy or other setting from the environment; redirects are followed here, each
    hop checked like the first. Safe to share between threads. Make it after forking, not before.

    Parameters
    ----------
    allow
        ``"host:port"`` exceptions to the address check, as written in the URL (``"127.0.0.1:8123"``). This is how the
        sandbox on loopback is reached; a name that merely *resolves* to such an address is not covered.
    timeout
        Seconds for the whole fetch: names, connections, redirects and body together.
    max_bytes
        Cap on a body, both as sent and as unpacked.
    resolver
        Gives the addresses of a name; raises ``OSError`` when there are none.
    """

    def __init__(
        self,
        allow: frozenset[str] = frozenset(),
        timeout: float = 10.0,
        max_bytes: int = 1_000_000,
        user_agent: str = USER_AGENT,
        *,
        resolver: Resolver = system_resolver,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.allow = frozenset(entry.lower() for entry in allow)
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.user_agent = user_agent
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=4.0,
            network_backend=_CheckedBackend(self.allow, resolver),
        )
        self._close = weakref.finalize(self, self._pool.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept open between fetches."""
        self._close()

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        redirects: int = MAX_REDIRECTS,
        truncate: bool = False,
    ) -> Fetched:
        """Fetch `url` once; any HTTP status is a result, not an error.

        `redirects` is how many hops may follow the first (GET and HEAD only; 0 returns the redirect itself).
        With `truncate` a body over the cap is cut instead of refused. A header named Authorization does not follow
        a redirect to another origin.

        Raises
        ------
        OutboundRefused
            The address, or one that it redirects to, is not one the hub may connect to.
        OutboundError
            No usable answer came.
        """
        try:
            sent = httpx.Headers(headers or {})
        except UnicodeEncodeError as error:
            raise OutboundError("protocol", f"A header for {url} cannot be written: {error}.") from error
        sent.setdefault("User-Agent", self.user_agent)
        sent.setdefault("Accept-Encoding", "gzip")
        sent.setdefault("Accept", "*/*")
        token = _deadline.set(time.monotonic() + self.timeout)
        try:
            hops: list[str] = []
            while True:
                target = _parse(url)
                hops.append(str(target))
                answer = self._one(method, target, sent, content, tuple(hops), truncate)
                follow = answer.status in _REDIRECTS and "location" in answer.headers and method in {"GET", "HEAD"}
                if not follow or redirects == 0:
                    return answer
                if len(hops) > redirects:
                    raise OutboundError("protocol", f"{hops[0]} redirects more than {redirects} times; not followed.")
                url = _join(target, answer.headers["location"])
                if _origin(_parse(url)) != _origin(target):
                    sent.pop("Authorization", None)
        finally:
            _deadline.reset(token)

    def _one(
        self, method: str, url: httpx.URL, headers: httpx.Headers, content: bytes, hops: tuple[str, ...], truncate: bool
    ) -> Fetched:
        try:
            request = httpx.Request(method, url, headers=headers, content=content or None)
        except (ValueError, TypeError) as error:
            raise OutboundError("protocol", f"The request to {url} cannot be written: {error}.") from error
        core = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=content,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)},
        )
        try:
            response = self._pool.handle_request(core)
            try:
                received = httpx.Headers(response.headers)
                body, truncated = self._read(response, received, str(url), truncate)
            finally:
                response.close()
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _told(error, url, self.timeout) from error
        return Fetched(response.status, str(url), received, body, hops, truncated)

    def _read(
        self, response: httpcore.Response, headers: httpx.Headers, url: str, truncate: bool
    ) -> tuple[bytes, bool]:
        unpack = _unpacker(headers.get("content-encoding", ""), url)
        body = bytearray()
        raw = 0
        parts = response.stream
        assert isinstance(parts, Iterable)  # noqa: S101  (the synchronous pool gives a synchronous stream)
        for part in parts:
            raw += len(part)
            try:
                body += unpack(part, self.max_bytes + 1 - len(body))
            except zlib.error as error:
                raise OutboundError("protocol", f"{url} sent a body that does not unpack: {error}.") from error
            if raw > self.max_bytes or len(body) > self.max_bytes:
                if truncate:
                    return bytes(body[: self.max_bytes]), True
                raise OutboundError("too_large", f"{url} sent more than {self.max_bytes} bytes; reading stopped.")
        return bytes(body), False


class _CheckedBackend(httpcore.NetworkBackend):
    """Opens sockets only to addresses that passed the check, and only until the deadline of the fetch."""

    def __init__(self, allow: frozenset[str], resolver: Resolver) -> None:
        self._allow = allow
        self._resolver = resolver
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        written = f"[{host}]" if ":" in host else host
        allowed = f"{written.lower()}:{port}" in self._allow
        if not allowed and port < 1024 and port not in (80, 443):
            raise OutboundRefused(f"Port {port} of {host} is not a web port; not fetched.")
        addresses = self._resolve(host, port)
        if not allowed:
            for address in addresses:
                if reason := why_refused(address):
                    raise OutboundRefused(
                        f"{host} is {address}, {reason}; the hub fetches only from the public internet. "
                        "If this is meant, add host:port to the allowed exceptions."
                    )
        for position, address in enumerate(addresses[:4], start=1):
            try:
                return _Stream(self._inner.connect_tcp(address, port, _left(httpcore.ConnectTimeout)))
            except httpcore.ConnectError:
                if position == min(len(addresses), 4):
                    raise
        raise _NoAddress(f"{host} has no address")

    def _resolve(self, host: str, port: int) -> list[str]:
        """Resolve in a thread of its own: the operating system's resolver knows no deadline."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        found: list[str] = []
        failed: list[Exception] = []

        def ask() -> None:
            try:
                found.extend(self._resolver(host, port))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        thread = threading.Thread(target=ask, name="seawall-resolve", daemon=True)
        thread.start()
        thread.join(_left(httpcore.ConnectTimeout))
        if thread.is_alive():
            raise httpcore.ConnectTimeout("the name was not resolved in time")
        if failed:
            raise _NoAddress(str(failed[0])) from failed[0]
        return found


class _Stream(httpcore.NetworkStream):
    """A socket whose every read and write ends at the deadline, so that a slow drip cannot outlast the cap."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in itertools.count(0, 65_536):
            if start >= len(buffer):
                return
            self._inner.write(buffer[start : start + 65_536], _left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _NoAddress(httpcore.ConnectError):
    """The name has no address."""


def _left(late: type[httpcore.TimeoutException]) -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise late("the time for this fetch is over")
    return left


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise OutboundRefused(f"{str(url)[:200]!r} is not a web address: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise OutboundRefused(f"{str(url)[:200]!r} is not an http or https address; not fetched.")
    if not parsed.raw_host:
        raise OutboundRefused(f"{str(url)[:200]!r} names no host; not fetched.")
    if parsed.userinfo:
        raise OutboundRefused(f"The address at {parsed.host} carries a user name or password; not fetched.")
    if parsed.port is not None and not 1 <= parsed.port <= 65_535:
        raise OutboundRefused(f"{str(url)[:200]!r} names a port that does not exist; not fetched.")
    return parsed.copy_with(fragment=None)


def _join(base: httpx.URL, location: str) -> str:
    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise OutboundRefused(f"{base} redirects to something that is not a web address: {error}") from error


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return (url.scheme, url.raw_host, url.port)


def _unpacker(encoding: str, url: str) -> Callable[[bytes, int], bytes]:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return lambda part, room: part[: max(room, 0)]
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise OutboundError("protocol", f"{url} answered in the encoding {encoding[:40]!r}, which was not asked for.")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def step(part: bytes, room: int) -> bytes:
        # max_length bounds what a small hostile body can grow to in memory; 0 would mean "no bound".
        return unpack.decompress(part, room) if room > 0 else b""

    return step


def _told(error: Exception, url: httpx.URL, timeout: float) -> OutboundError:
    """Turn the transport's exception into ours, with a sentence."""
    where = f"{url.scheme}://{url.netloc.decode('ascii')}"
    if isinstance(error, _NoAddress):
        return OutboundError("dns", f"The name {url.host} could not be resolved: {error}.")
    if isinstance(error, httpcore.TimeoutException):
        return OutboundError("timeout", f"{where} did not answer within {timeout:g} seconds.")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return OutboundError("tls", f"No secure connection to {where}: {cause.reason or cause}.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return OutboundError("refused", f"{where} could not be reached: {error}.")
    return OutboundError(
        "protocol", f"{where} broke off or answered what is not HTTP: {error or type(error).__name__}."
    )
