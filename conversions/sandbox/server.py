"""The whole sandbox: both platforms, a shop and its own pages on one loopback port.

HEAD /                                          the time, in the ``Date`` header
POST /v1/events:ingest                          Google
GET  /v1/requestStatus:retrieve?requestId=…     Google
POST /{graph_version}/{dataset_id}/events       Meta
GET  /{graph_version}/dataset_quality?…         Meta
GET  /wp-json/wc/v3/orders?…                    the WooCommerce shop, if there is one
POST /admin/oauth/access_token                  the Shopify shop, if there is one
POST /admin/api/2026-10/graphql.json            the Shopify shop
GET  /bulk/{id}.jsonl?signature=…               the file of a bulk operation of the Shopify shop
GET  /_sandbox/received[?bodies=1]              counts, and bodies
POST /_sandbox/reset                            delete the counts and bodies
POST /_sandbox/faults                           a JSON list of faults that replaces the current one
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from conversions.errors import Usage
from conversions.sandbox.base import Answer, Request
from conversions.sandbox.diagnostics import Diagnostics
from conversions.sandbox.faults import FaultPlan, Kind, parse
from conversions.sandbox.google import STATUS_PATH, Google
from conversions.sandbox.listener import Listener
from conversions.sandbox.load_target import CountingGoogle, CountingMeta
from conversions.sandbox.meta import QUALITY_PATH, Meta
from conversions.sandbox.request_handler import RequestHandler
from conversions.sandbox.shops import Shop, ShopOptions, open_shop


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """How the platforms behave, apart from faults."""

    counting: bool = False
    """Accept everything without a check, for load tests."""
    seed: int = 0
    """Seed of all random draws."""
    unmatched: float = 0
    """Share of the orders that Google's diagnostics report as CLICK_NOT_FOUND."""
    processing: timedelta = timedelta()
    """Time until Google's diagnostics are final."""
    shop: ShopOptions | None = None
    """The shop that the sandbox is, too."""


DEFAULT_OPTIONS = Options()


class Sandbox:
    """Both platforms at ``url``, within a ``with`` block.

    *faults* are texts for ``faults.parse``. Raises Usage for an invalid fault and for a port that is taken.
    """

    def __init__(
        self,
        port: int = 0,
        faults: Iterable[str] = (),
        options: Options = DEFAULT_OPTIONS,
        *,
        clock: Callable[[], datetime] = _utc,
    ) -> None:
        self.now = clock
        self._seed = options.seed
        self._counting = counting = options.counting
        self._closing = threading.Event()
        self._diagnostics = Diagnostics(seed=options.seed, unmatched=options.unmatched, processing=options.processing)
        self._google = CountingGoogle(self._diagnostics) if counting else Google(self._diagnostics)
        self._meta = CountingMeta() if counting else Meta()
        self._handler = RequestHandler(
            (self._google, self._meta), self._plan(faults), clock, deque(maxlen=0 if counting else None)
        )
        self.shop: Shop | None = open_shop(options.shop, clock, options.seed) if options.shop else None
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
        """The base URL; the value for the setting ``endpoint``."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def received(self, *, bodies: bool = False) -> dict[str, Any]:
        """The counts: ``{"mode", "google": {…}, "meta": {…}}``; with *bodies* also every body, in order of arrival.

        A shop has ``"shop": {"requests": n}``.

        Per platform: ``requests``, ``accepted_requests``, ``refused`` {code: n}, ``interrupted`` (the client
        disconnected while sending), ``events`` (accepted, with repeats), ``distinct`` events, ``duplicates`` (repeats
        that the platform recognised), ``double_counted`` (repeats that it counted as another sale), ``value`` of the
        distinct events {currency: decimal text}, injected ``faults`` {kind: n}. In counting mode only requests,
        ``events`` and faults are known. A body has ``destination``, ``path``, ``status`` (null: no answer),
        ``complete``, ``why`` it was refused, and its text in ``body``.
        """
        shop = {"shop": {"requests": self.shop.requests}} if self.shop else {}
        return {"mode": "counting" if self._counting else "checking", **shop, **self._handler.report(bodies=bodies)}

    def reset(self) -> None:
        """Delete all counts and bodies; the faults stay."""
        self._handler.reset()
        self._diagnostics.reset()

    def use_faults(self, faults: Iterable[str]) -> None:
        """Replace the current faults. Raises Usage for an invalid fault, and then changes nothing."""
        self._handler.plan = self._plan(faults)

    def get(self, request: Request) -> Answer | None:
        """The answer to a GET; None: close the connection."""
        match request.path:
            case "/_sandbox/received":
                return _own(self.received(bodies=request.query.get("bodies") == "1"))
            case path if self.shop and self.shop.owns(path):
                return self.shop.answer(request)
            case path if path == STATUS_PATH:
                return self._google.status(request, self.now(), self._handler.plan)
            case path if QUALITY_PATH.fullmatch(path):
                return self._meta.quality(request, self._handler.plan)
            case _:
                return _own({"error": "nothing to read here"}, 404)

    def post(self, request: Request) -> Answer | None:
        """The answer to a POST; None: close the connection."""
        match request.path:
            case "/_sandbox/reset":
                self.reset()
                return _own({})
            case "/_sandbox/faults":
                return self._replace_faults(request)
            case path if self.shop and self.shop.owns(path):
                return self.shop.answer(request)
            case _:
                answer, delay = self._handler.handle(_platform(request), request)
                self._closing.wait(delay)
                return answer

    def record_interruption(self, request: Request) -> None:
        """Record that the client disconnected while it sent *request*."""
        self._handler.record_interruption(_platform(request), request)

    def _plan(self, faults: Iterable[str]) -> FaultPlan:
        parsed = [parse(text) for text in faults]
        if self._counting and any(fault.kind is Kind.POISON for fault in parsed):
            raise Usage("A counting sandbox reads no events and can poison none; leave out the poison fault.")
        return FaultPlan(parsed, self._seed)

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
    """Run *sandbox* until Ctrl-C; call *announce* once it answers."""
    with sandbox:
        announce(sandbox)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _platform(request: Request) -> str:
    """The platform of a path: Google's paths begin with ``/v1/``, all others are Meta's."""
    return "google" if request.path.startswith("/v1/") else "meta"


def _own(value: object, status: int = 200) -> Answer:
    """A page of the sandbox itself; written with the standard library's JSON, as a body may have lone surrogates."""
    return Answer(status, json.dumps(value).encode())
