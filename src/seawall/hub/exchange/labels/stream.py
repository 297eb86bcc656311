"""The stream of labels, com.atproto.label.subscribeLabels: a websocket that replays from a cursor and then goes on.

Each message is two DAG-CBOR values, a header `{op, t}` and a body (AT Protocol, "Event Stream"). The hub's pages are served by threads,
which a thousand quiet subscribers would use up, so that the stream has a process of its own (`seawall labels`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import structlog
from django.db import Error, close_old_connections, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from seawall.formats import dagcbor
from seawall.hub.exchange.labels import queries

T = TypeVar("T")

log = structlog.get_logger(__name__)

PATH = "/xrpc/com.atproto.label.subscribeLabels"
MOST_SUBSCRIBERS = 500
MOST_AT_ONCE = 200
"""Labels read together."""
LOOK_EVERY = 0.5  # seconds between two looks for new labels
SLOWEST = 30.0  # seconds that a subscriber may take for one message
THREADS = 4
_CURSOR = re.compile(r"[0-9]{1,18}")


@dataclass
class Stream:
    """The subscribers, and how far the labels go."""

    last: int = 0
    _subscribers: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _sessions: list[BaseDatabaseWrapper] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "labels", initializer=self._begin_thread)

    def _begin_thread(self) -> None:
        connection.inc_thread_sharing()  # so that this thread's session can be closed when the thread has ended
        self._sessions.append(connections[connection.alias])

    def end(self) -> None:
        """Let the threads end, and leave the database."""
        self._threads.shutdown(cancel_futures=True)
        for session in self._sessions:
            session.close()

    async def read(self, ask: Callable[[], T]) -> T:
        """Ask the database in a thread, on a connection that works."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(_asked, ask))

    async def look(self) -> None:
        """Look for new labels and wake the subscribers, for ever. A database that is away is asked again."""
        while True:
            try:
                last = (await self.read(queries.reach)).last
            except Error as problem:
                log.warning("the labels cannot be read; it is tried again", problem=str(problem).strip())
            else:
                if last > self.last:
                    self.last = last
                    self._more.set()
                    self._more = asyncio.Event()
            await asyncio.sleep(LOOK_EVERY)

    def refuse(self, subscriber: ServerConnection, request: Request) -> Response | None:
        """What is answered instead of a websocket: another path, a cursor that is no number, too many subscribers."""
        parts = urlsplit(request.path)
        given = parse_qs(parts.query, keep_blank_values=True, max_num_fields=20).get("cursor", ["0"])
        if parts.path != PATH:
            return _error(subscriber, HTTPStatus.NOT_FOUND, "MethodNotImplemented", f"Only {PATH} is here.")
        if len(given) != 1 or not _CURSOR.fullmatch(given[0]):
            return _error(subscriber, HTTPStatus.BAD_REQUEST, "InvalidRequest", "cursor is a whole number.")
        if self._subscribers >= MOST_SUBSCRIBERS:
            return _error(subscriber, HTTPStatus.SERVICE_UNAVAILABLE, "TooManySubscribers", "Come back later.")
        return None

    async def subscribe(self, subscriber: ServerConnection) -> None:
        """Serve one subscriber until it leaves."""
        query = parse_qs(urlsplit(subscriber.request.path).query if subscriber.request else "")
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        self._subscribers += 1
        try:
            await self._serve(subscriber, cursor)
        except ConnectionClosed:
            pass
        except TimeoutError:
            log.info("a subscriber of labels is too slow")
            with suppress(ConnectionClosed, TimeoutError):
                await _send(subscriber, _refusal("ConsumerTooSlow", "Come back with the last seq that you have."))
        except Error as problem:
            log.warning("the labels cannot be read; a subscriber is sent away", problem=str(problem).strip())
            await subscriber.close(1013, "Come back later.")
        finally:
            self._subscribers -= 1

    async def _serve(self, subscriber: ServerConnection, cursor: int | None) -> None:
        reach = await self.read(queries.reach)
        if cursor is not None and cursor > reach.last:
            await _send(subscriber, _refusal("FutureCursor", "Cursor in the future."))
            return
        if cursor and cursor < reach.forgotten:
            await _send(
                subscriber, _message("#info", {"name": "OutdatedCursor", "message": "Begin anew with cursor 0."})
            )
        after = reach.last if cursor is None else cursor
        while True:
            more = self._more
            labels = await self.read(partial(queries.issued_after, after, most=MOST_AT_ONCE))
            for label in labels:
                await _send(subscriber, _message("#labels", {"seq": label.seq, "labels": [queries.as_cbor(label)]}))
                after = label.seq
            if not labels:
                await _first(more.wait(), subscriber.wait_closed())
                if subscriber.close_code is not None:
                    return


async def _first(*waits: object) -> None:
    """Wait until one of these has happened."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _asked(ask: Callable[[], T]) -> T:
    close_old_connections()
    return ask()


async def _send(subscriber: ServerConnection, message: bytes) -> None:
    await asyncio.wait_for(subscriber.send(message), SLOWEST)


def _message(kind: str, body: dict[str, dagcbor.Value]) -> bytes:
    return dagcbor.encode({"op": 1, "t": kind}) + dagcbor.encode(body)


def _refusal(name: str, message: str) -> bytes:
    return dagcbor.encode({"op": -1}) + dagcbor.encode({"error": name, "message": message})


def _error(subscriber: ServerConnection, status: HTTPStatus, name: str, message: str) -> Response:
    answer = subscriber.respond(status, json.dumps({"error": name, "message": message}))
    del answer.headers["Content-Type"]
    answer.headers["Content-Type"] = "application/json"
    return answer


async def run(host: str, port: int, *, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    """Serve the stream until `stop` is set; `ready` is told the port. Raises OSError where the port cannot be had."""
    stream = Stream()
    looking = asyncio.create_task(stream.look())
    try:
        async with serve(
            stream.subscribe,
            host,
            port,
            process_request=stream.refuse,
            compression=None,
            max_size=1_024,  # nothing is expected from a subscriber
            server_header=None,
        ) as server:
            ready(_port(server))
            await stop.wait()
    finally:
        looking.cancel()
        await asyncio.to_thread(stream.end)


def _port(server: Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
