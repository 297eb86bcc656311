"""`openai-compat:` a policy model behind the chat completions of vLLM, llama.cpp, Ollama and others of their kind."""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import numpy as np

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.scorer import Judgement, ModelError
from seawall.detect.scorers.address import inside_only, read_address, written
from seawall.detect.scorers.asking import Asking, Breaker
from seawall.detect.scorers.local import named
from seawall.detect.scorers.policy import NotAsAsked, answer_schema, read_answer, system_message, user_message
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused, system_resolver

#: How an answer's form is asked for, the strictest first. A server that refuses one is asked by the next.
FORMS: Final = ("json_schema", "json_object", "words")
#: What servers answer to a form that they do not know.
REFUSES_FORM: Final = frozenset({400, 415, 422, 501})
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
#: A certain answer is taken to be wrong once in a thousand times: log-odds end at about 7.
SUREST: Final = 0.999
LONGEST_WAIT: Final = 8.0
#: No server makes us wait longer than this before we ask again, in seconds, whatever its Retry-After says.
LONGEST_PAUSE: Final = 600.0
_log = logging.getLogger(__name__)


class _Unanswered(Exception):
    """A text got no answer. `outage`: it is the server's failing, and says nothing about the text."""

    def __init__(self, reason: str, *, outage: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.outage = outage


def open_remote(rest: str, *, definitions: Mapping[str, str] | None, asking: Asking, key: str | None) -> RemoteScorer:
    """The model that the URI names after its first colon. Raises `ModelError`; asks the server nothing yet."""
    address, _, model = rest.partition("#")
    return RemoteScorer(address, model, definitions or {}, asking=asking, key=key)


class RemoteScorer:
    """Asks a policy model about each text; see `Scorer`.

    A text that gets no proper answer in time is degraded, and `faults` counts why. Safe between threads: the bound on
    concurrency holds for all of them together.
    """

    def __init__(
        self,
        address: str,
        model: str,
        definitions: Mapping[str, str],
        *,
        asking: Asking,
        key: str | None = None,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        """Read the address. `now` and `wait` are the clock, and how to wait unless an event is set. Raises `ModelError`."""
        self._url, outside = read_address(address)
        if not model or len(model) > 200 or not model.isprintable():
            raise ModelError(
                f"{address}: name the model after a #, as the server knows it: openai-compat:{address}#MODEL"
            )
        strange = sorted(set(definitions) - {*FAMILIES, *CONTEXTS})
        if strange:
            raise ModelError(
                f"{model}: definitions name {strange[0]!r}, which is not one of {', '.join((*FAMILIES, *CONTEXTS))}"
            )
        self._labels = tuple(label for label in (*FAMILIES, *CONTEXTS) if definitions.get(label, "").strip())
        if not self._labels:
            raise ModelError(
                f"{model}: a policy model is asked by definitions and none were given; give those of a code of practice"
            )
        self._system = system_message({label: definitions[label] for label in self._labels})
        self._model = model
        self._asking = asking
        self._name = named(
            model.rpartition("/")[2],
            hashlib.sha256(json.dumps([model, self._system, asking.text_bytes]).encode()).hexdigest(),
        )
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key is not None:
            if not key.isascii() or not key.isprintable() or " " in key:
                raise ModelError(
                    "SEAWALL_MODEL_KEY: holds what no key holds (spaces, line ends or letters beyond ASCII); set it again"
                )
            self._headers["Authorization"] = f"Bearer {key}"
        self._web = Outbound(
            allow=frozenset({written(self._url)}),
            timeout=asking.timeout,
            max_bytes=asking.answer_bytes,
            resolver=system_resolver if outside else inside_only,
        )
        self._now = now
        self._wait = wait
        self._slots = threading.BoundedSemaphore(asking.concurrency)
        self._breaker = Breaker(asking.failures, asking.rest, now)
        self._lock = threading.Lock()
        self._faults: Counter[str] = Counter()
        self._form = 0
        self._form_known = False
        self._paused_until = 0.0

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    def close(self) -> None:
        """Close the connections that are kept open between texts."""
        self._web.close()

    @property
    def faults(self) -> Mapping[str, int]:
        """How often each reason left a text without an answer."""
        with self._lock:
            return dict(self._faults)

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Log-odds for each text; see `Scorer`."""
        chances = np.full((len(texts), len(self._labels)), np.nan)
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for at in range(len(texts)):
            waiting.put(at)
        stopped = threading.Event()
        broken: list[BaseException] = []

        def work() -> None:
            try:
                while not stopped.is_set():
                    at = waiting.get_nowait()
                    answer = self._ask(texts[at], stopped)
                    if answer is not None:
                        chances[at] = answer
            except queue.Empty:
                return
            except BaseException as problem:  # a defect of ours: told in the caller's thread, never swallowed
                broken.append(problem)
                stopped.set()

        # Threads that do not hold up the end of the program: whoever presses Ctrl-C is not made to wait for a model.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self._asking.concurrency, len(texts)))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            stopped.set()
        if broken:
            raise broken[0]
        chances = np.clip(chances, 1 - SUREST, SUREST)
        return Judgement(scores=np.log(chances / (1 - chances)), degraded=np.isnan(chances).any(axis=1))

    def _ask(self, text: str, stopped: threading.Event) -> list[float] | None:
        """The probabilities of one text, or None with a fault counted."""
        with self._slots:
            told = self._breaker.enter()
            if told == "rest":
                self._fault("the server is left to rest after failing several times in a row")
                return None
            outage, reason = True, "a defect"  # what holds if something unforeseen goes through here
            try:
                found = self._persist(text, stopped, tries=1 if told == "trial" else 1 + self._asking.retries)
                outage = False
                return found
            except _Unanswered as problem:
                outage, reason = problem.outage, problem.reason
                self._fault(reason)
                return None
            finally:
                if self._breaker.leave(told, failed=outage):
                    _log.warning(
                        "%s at %s is not asked for %g s: %s", self._model, self._url, self._asking.rest, reason
                    )

    def _fault(self, reason: str) -> None:
        with self._lock:
            self._faults[reason] += 1

    def _persist(self, text: str, stopped: threading.Event, tries: int) -> list[float]:
        """Ask until there is an answer, the tries are used up or the time is. Raises `_Unanswered`."""
        ends = self._now() + self._asking.deadline
        last = _Unanswered("the server asked for patience beyond the deadline", outage=True)
        content = user_message(text, self._asking.text_bytes)
        form, tried, delay = self._form, 0, 0.0
        while True:
            delay = max(delay, self._paused_until - self._now())
            if (tried or delay > 0) and self._now() + delay + self._asking.timeout > ends:
                raise last
            if delay > 0:
                self._wait(stopped, delay)
            if stopped.is_set():
                raise _Unanswered("the asking was stopped", outage=True)
            delay, answer = 0.0, None
            try:
                answer = self._web.fetch(
                    str(self._url),
                    method="POST",
                    headers=self._headers,
                    content=self._body(content, FORMS[form]),
                    redirects=0,
                )
            except OutboundRefused as problem:
                raise _Unanswered("the address may not be asked", outage=True) from problem
            except OutboundError as problem:
                last = _Unanswered(_FAILINGS[problem.kind], outage=problem.kind != "too_large")
                if problem.kind in ("too_large", "tls"):
                    raise last from problem
            if answer is not None:
                if answer.status == 200:
                    self._keep_to(form)
                    return self._read(answer)
                if answer.status in REFUSES_FORM and not self._form_known and form + 1 < len(FORMS):
                    form += 1
                    continue
                last = _Unanswered(
                    f"the server answered with status {answer.status}", outage=answer.status not in _OF_THE_TEXT
                )
                if answer.status not in PASSING:
                    raise last
            tried += 1
            delay = self._patience(answer, tried)
            if tried >= tries:
                raise last

    def _keep_to(self, form: int) -> None:
        """The server took this form: if it refuses a request from now on, that is about the text."""
        with self._lock:
            if not self._form_known:
                self._form, self._form_known = form, True

    def _patience(self, answer: Fetched | None, tried: int) -> float:
        """Seconds to wait before another try: what the server asks for, or ever longer."""
        asked = _retry_after(answer.headers.get("retry-after", "")) if answer is not None else None
        if asked is None:
            most = min(self._asking.backoff * 2 ** (tried - 1), LONGEST_WAIT)
            return random.uniform(most / 2, most)  # noqa: S311  (so that many callers do not come back at once)
        with self._lock:
            self._paused_until = max(self._paused_until, self._now() + asked)
        return asked

    def _body(self, message: str, form: str) -> bytes:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "system", "content": self._system}, {"role": "user", "content": message}],
            "temperature": 0,
            "max_tokens": self._asking.answer_tokens,
            "stream": False,
        }
        if form == "json_schema":
            schema = {"name": "assessment", "strict": True, "schema": answer_schema(self._labels)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return json.dumps(body, ensure_ascii=False).encode()

    def _read(self, answer: Fetched) -> list[float]:
        try:
            held = json.loads(answer.body)
            (choice,) = held["choices"]
            ended, content = choice.get("finish_reason"), choice["message"]["content"]
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise _Unanswered("the server answered what is no chat completion", outage=False) from None
        if ended not in (None, "stop"):
            raise _Unanswered("the answer was broken off before its end", outage=False)
        try:
            return read_answer(content, self._labels)
        except NotAsAsked as problem:
            raise _Unanswered(str(problem), outage=False) from None


#: Statuses that a text may bring about by itself: they say nothing about how the server is.
_OF_THE_TEXT: Final = frozenset({400, 413, 414, 422, 431})
_FAILINGS: Final = {
    "timeout": "the server did not answer in time",
    "refused": "the server could not be reached",
    "dns": "the server's name could not be resolved to an address that may be used",
    "tls": "no secure connection to the server could be made",
    "too_large": "the answer was larger than is read",
    "protocol": "the server broke off, or answered what is not HTTP",
}


def _retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), or None."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_PAUSE)
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(when.timestamp() - time.time(), 0.0), LONGEST_PAUSE)
