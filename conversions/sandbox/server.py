"""The sandbox as a whole: both platforms and its own pages on one loopback port.

HEAD /                                          the time, in the ``Date`` header
POST /v1/events:ingest                          Google
GET  /v1/requestStatus:retrieve?requestId=…     Google
POST /{graph_version}/{dataset_id}/events       Meta
GET  /{graph_version}/dataset_quality?…         Meta
GET  /_sandbox/received[?bodies=1]              what arrived
POST /_sandbox/reset                            begin anew
POST /_sandbox/faults                           a JSON list of faults, in place of those at work
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from conversions.errors import Usage
from conversions.sandbox.base import Answer, Request
from conversions.sandbox.diagnostics import Diagnostics
from conversions.sandbox.faults import Kind, Plan, parse
from conversions.sandbox.google import STATUS, Google
from conversions.sandbox.listener import Listener
from conversions.sandbox.load_target import CountingGoogle, CountingMeta
from conversions.sandbox.meta import QUALITY_PATH, Meta
from conversions.sandbox.request_handler import Desk


def _utc() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """Both platforms, from ``with`` to its end, at ``url``.

    *faults* are texts as ``faults.parse`` takes them; *counting* takes everything unchecked, for load; *unmatched* is
    the share of orders that Google later reports as CLICK_NOT_FOUND, *processing* how long it thinks before. Raises
    Usage for a fault that is none and for a port that is taken.
    """

    def __init__(
        self,
        port: int = 0,
        faults: Iterable[str] = (),
        *,
        counting: bool = False,
        seed: int = 0,
        clock: Callable[[], datetime] = _utc,
        unmatched: float = 0,
        processing: timedelta = timedelta(),
    ) -> None:
        self.now = clock
        self._seed = seed
        self._counting = counting
        self._closing = threading.Event()
        self._diagnostics = Diagnostics(seed=seed, unmatched=unmatched, processing=processing)
        self._google = CountingGoogle(self._diagnostics) if counting else Google(self._diagnostics)
        self._meta = CountingMeta() if counting else Meta()
        self._desk = Desk((self._google, self._meta), self._plan(faults), clock, deque(maxlen=0 if counting else None))
        try:
            self._listener = Listener(port, self)
        except OSError as error:
            raise Usage(f"Port {port} cannot be used ({error.strerror}); choose another with --port.") from None
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._listener.close()
        self._thread.join()

    @property
    def url(self) -> str:
        """What ``endpoint`` is pointed at."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def received(self, *, bodies: bool = False) -> dict[str, Any]:
        """What arrived: ``{"mode", "google": {…}, "meta": {…}}``, with *bodies* each as it came, in order.

        Per platform: ``requests``, ``accepted_requests``, ``refused`` {code: n}, ``interrupted`` (the client went away
        while sending), ``events`` (accepted, with repeats), ``distinct`` events, ``duplicates`` (repeats that the
        platform recognised), ``double_counted`` (repeats that it counted as another sale), ``value`` of the distinct
        events {currency: decimal text}, ``faults`` played {kind: n}. While counting, only requests, ``events`` and
        faults are known. A body: ``destination``, ``path``, ``status`` (null: no answer), ``complete``, ``why`` it was
        refused, and its text in ``body``.
        """
        return {"mode": "counting" if self._counting else "checking", **self._desk.report(bodies=bodies)}

    def reset(self) -> None:
        """Begin anew, as if nothing had arrived; the faults go on as they are."""
        self._desk.forget()
        self._diagnostics.forget()

    def use_faults(self, faults: Iterable[str]) -> None:
        """Put *faults* in place of those at work. Raises Usage for one that is none, and changes nothing then."""
        self._desk.plan = self._plan(faults)

    def get(self, request: Request) -> Answer:
        """The answer to a GET."""
        match request.path:
            case "/_sandbox/received":
                return _own(self.received(bodies=request.query.get("bodies") == "1"))
            case path if path == STATUS:
                return self._google.status(request, self.now(), self._desk.plan)
            case path if QUALITY_PATH.fullmatch(path):
                return self._meta.quality(request, self._desk.plan)
            case _:
                return _own({"error": "nothing to read here"}, 404)

    def post(self, request: Request) -> Answer | None:
        """The answer to a POST; None: hang up."""
        match request.path:
            case "/_sandbox/reset":
                self.reset()
                return _own({})
            case "/_sandbox/faults":
                return self._replace_faults(request)
            case _:
                answer, delay = self._desk.take(_platform(request), request)
                self._closing.wait(delay)
                return answer

    def interrupted(self, request: Request) -> None:
        """The client went away while it sent *request*."""
        self._desk.interrupted(_platform(request), request)

    def _plan(self, faults: Iterable[str]) -> Plan:
        parsed = [parse(text) for text in faults]
        if self._counting and any(fault.kind is Kind.POISON for fault in parsed):
            raise Usage("A counting sandbox reads no event, so that none can be poisoned.")
        return Plan(parsed, self._seed)

    def _replace_faults(self, request: Request) -> Answer:
        try:
            faults = json.loads(request.body)
            self.use_faults([str(text) for text in faults])
        except (ValueError, TypeError):
            return _own({"error": 'not a JSON list of faults, such as ["503@0.1"]'}, 400)
        except Usage as mistake:
            return _own({"error": str(mistake)}, 400)
        return _own({"faults": faults})


def serve(sandbox: Sandbox, announce: Callable[[Sandbox], None]) -> None:
    """Run *sandbox* until it is interrupted; *announce* it once it answers."""
    with sandbox:
        announce(sandbox)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _platform(request: Request) -> str:
    """Google's paths begin with its API's version; whatever else is posted here was meant for Meta."""
    return "google" if request.path.startswith("/v1/") else "meta"


def _own(value: object, status: int = 200) -> Answer:
    """A page of the sandbox itself; the standard library's JSON, since a body may hold lone surrogates."""
    return Answer(status, json.dumps(value).encode())
