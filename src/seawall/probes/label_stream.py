"""The stream of a moderation service's labels: each as it is issued, over a websocket (``com.atproto.label.subscribeLabels``).

Needs the package ``websockets``, which asking for the labels of one post (:mod:`seawall.probes.labels`) does not.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from seawall.formats import dagcbor
from seawall.outbound import ErrorKind, Outbound, OutboundError, OutboundRefused, system_resolver, why_refused
from seawall.probes.labels import Label, read_label

PATH = "/xrpc/com.atproto.label.subscribeLabels"
MAX_FRAME_BYTES = 1_000_000


class StreamRefused(Exception):
    """The service ended the stream with a reason of its own: ``FutureCursor`` (it never issued that many), ``ConsumerTooSlow``."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"The label stream was refused: {name}: {message}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Batch:
    """Labels that were issued together. `seq` is where to go on from; `outdated` says that some before were missed."""

    seq: int
    labels: tuple[Label, ...]
    outdated: bool = False


def read(
    endpoint: str, *, outbound: Outbound, cursor: int | None = None, quiet: float = 30.0
) -> Generator[Batch, None, None]:
    """Yield what the service at `endpoint` (http or https) issues after `cursor`, until `quiet` seconds bring nothing.

    Cursor 0 begins with the first label that the service still has; None with the next one that it issues. Signatures are
    not checked here (see :meth:`Label.signed_by`). Keep the last `seq` and begin there again.

    Raises
    ------
    OutboundRefused
        The endpoint is not one that the hub may connect to.
    OutboundError
        There is no connection, it broke off, or what came is not a label stream.
    StreamRefused
        The service said why it does not go on.
    """
    url = _websocket_url(endpoint, cursor)
    seq = cursor or 0
    with _connected(url, outbound) as connection:
        while (frame := _received(connection, url, quiet)) is not None:
            batch = _batch(frame, seq, url)
            if batch is not None:
                seq = batch.seq
                yield batch


def _batch(frame: bytes | str, seq: int, url: str) -> Batch | None:
    """Read one frame: a header and a body. None for a kind that is not known, which the protocol says to pass over."""
    try:
        if isinstance(frame, str):
            raise ValueError("it is text and not binary")
        header, end = dagcbor.decode_first(frame)
        body, end = dagcbor.decode_first(frame, end)
        if end != len(frame) or not isinstance(header, dict) or not isinstance(body, dict):
            raise ValueError("it is not a header and a body")
        if header.get("op") == -1:
            raise StreamRefused(str(body.get("error"))[:60], str(body.get("message"))[:200])
        if header.get("op") != 1:
            raise ValueError("its op is neither 1 nor -1")
        if header.get("t") == "#info":
            return Batch(seq, (), outdated=body.get("name") == "OutdatedCursor")
        if header.get("t") != "#labels":
            return None
        number, listed = body.get("seq"), body.get("labels")
        if not isinstance(number, int) or isinstance(number, bool) or number <= seq or not isinstance(listed, list):
            raise ValueError("its seq does not go up, or it lists no labels")
        return Batch(number, tuple(read_label(entry) for entry in listed))
    except ValueError as error:
        raise OutboundError(
            "protocol", f"{_shown(url)} sent a frame that is none of a label stream: {error}."
        ) from error


def _received(connection: ClientConnection, url: str, quiet: float) -> bytes | str | None:
    try:
        return connection.recv(timeout=quiet)
    except TimeoutError:
        return None
    except ConnectionClosed as error:
        raise OutboundError("protocol", f"{_shown(url)} ended the label stream: {error}.") from error


def _connected(url: str, outbound: Outbound) -> ClientConnection:
    deadline = time.monotonic() + outbound.timeout
    parsed = urlsplit(url)
    host, secure = parsed.hostname or "", parsed.scheme == "wss"
    port = parsed.port or (443 if secure else 80)
    opened = _socket(host, port, outbound, deadline)
    context = httpx.create_ssl_context(trust_env=False) if secure else None
    try:
        return connect(
            url,
            sock=opened,
            ssl=context,
            server_hostname=host if secure else None,
            open_timeout=max(deadline - time.monotonic(), 0.001),
            close_timeout=2,
            compression=None,
            max_size=MAX_FRAME_BYTES,
            user_agent_header=outbound.user_agent,
            proxy=None,
        )
    except (WebSocketException, OSError, EOFError) as error:
        opened.close()
        raise OutboundError(_kind(error, "protocol"), f"No label stream at {_shown(url)}: {error}.") from error


def _socket(host: str, port: int, outbound: Outbound, deadline: float) -> socket.socket:
    """Connect to an address that was checked, by the same rule as every other fetch of the hub."""
    allowed = f"{f'[{host}]' if ':' in host else host}:{port}" in outbound.allow
    if not allowed and port < 1024 and port not in (80, 443):
        raise OutboundRefused(f"Port {port} of {host} is not a web port; not connected to.")
    try:
        addresses = [str(ipaddress.ip_address(host))]
    except ValueError:
        try:
            addresses = system_resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise OutboundError("dns", f"The name {host} could not be resolved: {error}.") from error
    for address in addresses:
        if not allowed and (reason := why_refused(address)):
            raise OutboundRefused(f"{host} is {address}, {reason}; the hub connects only to the public internet.")
    failure: OSError | None = None
    for address in addresses[:4]:
        try:
            return socket.create_connection((address, port), timeout=max(deadline - time.monotonic(), 0.001))
        except OSError as error:
            failure = error
    told = f"{host}:{port} could not be reached: {failure or 'it has no address'}."
    raise OutboundError(_kind(failure, "refused"), told) from failure


def _kind(error: Exception | None, otherwise: ErrorKind) -> ErrorKind:
    if isinstance(error, TimeoutError):
        return "timeout"
    return "tls" if isinstance(error, ssl.SSLError) else otherwise


def _websocket_url(endpoint: str, cursor: int | None) -> str:
    scheme, _, rest = endpoint.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not rest or "@" in rest or "?" in rest or "#" in rest:
        shown = endpoint.rpartition("@")[2][:200]
        raise OutboundRefused(f"{shown!r} is not the http or https address of a moderation service.")
    query = "" if cursor is None else f"?cursor={cursor}"
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{PATH}{query}"


def _shown(url: str) -> str:
    return url.partition("?")[0]
