"""Meta's Conversions API: one bad event refuses the whole request, and the answer does not name the event.

Texts are in the language of the account, here French, so that a client can rely on the codes only.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from conversions.sandbox.base import (
    Accepted,
    Answer,
    ReceivedEvent,
    Request,
    is_json,
    is_poisoned,
    parse_json,
    to_json,
    valid_authorization,
)
from conversions.sandbox.faults import FaultPlan, Kind
from conversions.sandbox.meta_body import NO_CURRENCY, NO_VALUE, TOO_OLD, WEAK_IDENTIFIERS, Event, Upload

QUALITY_PATH = re.compile(r"/v\d+\.\d+/dataset_quality")
EVENTS_PATH = re.compile(r"/(?P<version>v\d+\.\d+)/(?P<dataset>[^/]+)/events")
REPEAT_WINDOW = timedelta(hours=48)
"""How long events with the same event_id and event_name count once."""
OFFLINE_REPEAT_WINDOW = timedelta(days=7)
"""How long offline events with the same time, name, item and order count once."""
BAD_EVENT = 2804019
TITLES = {
    int(TOO_OLD): "Horodatage de l'évènement trop ancien",
    int(NO_VALUE): "Valeur manquante pour l'évènement d'achat",
    int(NO_CURRENCY): "Devise manquante pour l'évènement d'achat",
    int(WEAK_IDENTIFIERS): "Informations client manquantes ou insuffisantes",
    BAD_EVENT: "Données d'évènement non valides",
    33: "Objet introuvable",
}
REGAIN_MINUTES = 720
QUALITY: Mapping[str, object] = {
    "offline": {
        name: {"score": score, "recommendation": "Ajoutez le numéro de téléphone."}
        for name, score in (("composite", 6.1), ("match_key", 5.5), ("frequency", 9.0), ("freshness", 7.25))
    },
    "web": [
        {"event_name": "PageView", "event_match_quality": {"composite_score": 9.5}},
        {"event_name": "Purchase", "event_match_quality": {"composite_score": 6.2}},
    ],
}


class Meta:
    """Meta as a platform, with any dataset."""

    name = "meta"

    def check(self, request: Request, now: datetime, plan: FaultPlan) -> Accepted | Answer:
        """Accept or refuse *request* as a whole."""
        if refusal := _check_envelope(request):
            return refusal
        try:
            upload = Upload.model_validate(parse_json(request.body), context={"now": now})
        except ValidationError as mistakes:
            return _invalid(mistakes.errors(include_url=False, include_input=False))
        except ValueError as mistake:
            return error(400, GraphError(100), why=f"not JSON: {type(mistake).__name__}")
        poison = plan.condition_values(Kind.POISON, self.name)
        if poisoned := [i for i, e in enumerate(upload.data) if is_poisoned(poison, e.ids(), e.product_ids())]:
            return error(400, GraphError(100, BAD_EVENT), why=f"data[{poisoned[0]}]: poison")
        dataset = request.path.split("/")[2]
        answer = events_received(len(upload.data), plan.condition_values(Kind.WARNING, self.name))
        return Accepted(answer, len(upload.data), [_arrival(dataset, e) for e in upload.data])

    def quality(self, request: Request, plan: FaultPlan) -> Answer:
        """The answer of ``dataset_quality``: the same figures for every dataset."""
        if plan.conditions(Kind.NO_VERDICTS, self.name):
            return self.unavailable()
        if not valid_authorization(request.authorization) or (
            request.authorization is None and plan.conditions(Kind.REQUIRE_TOKEN, self.name)
        ):
            return self.unauthenticated()
        if any(fault.probability == 1 and not fault.count for fault in plan.conditions(Kind.EXPIRED_TOKEN, self.name)):
            return self.expired_token()
        for refusal in plan.condition_values(Kind.QUALITY, self.name):
            code, _, subcode = refusal.partition("/")
            return error(401 if code == "190" else 400, GraphError(int(code), int(subcode) if subcode else None))
        if not request.query.get("dataset_id", "").isdigit():
            return error(400, GraphError(100, 2044055), why="the dataset is not a number")
        kind = "offline" if request.query.get("fields", "").startswith("offline") else "web"
        return Answer(200, to_json({kind: QUALITY[kind]}))

    def unauthenticated(self) -> Answer:
        """No token, or a malformed one."""
        return error(401, GraphError(190, message="Jeton d'accès OAuth non valide"), why="no bearer token")

    def expired_token(self) -> Answer:
        """An expired token."""
        return error(401, GraphError(190, 463, "La session du jeton d'accès a expiré"))

    def throttled(self, seconds: int) -> Answer:
        """The request limit of the application."""
        limit = GraphError(4, message="Limite de requêtes de l'application atteinte", transient=True)
        return error(429, limit, headers={"Retry-After": str(seconds)})

    def quota_per_day(self) -> Answer:
        """The limit of a business use case; a header says when access returns."""
        usage = {"type": "ads_management", "call_count": 100, "total_cputime": 25, "total_time": 25}
        usage |= {"estimated_time_to_regain_access": REGAIN_MINUTES, "ads_api_access_tier": "standard_access"}
        headers = {"X-Business-Use-Case-Usage": to_json({"0": [usage]}).decode()}
        return error(400, GraphError(80004, 2446079, "Trop d'appels pour ce compte publicitaire"), headers=headers)

    def unavailable(self) -> Answer:
        """Temporarily down."""
        return error(503, GraphError(2, message="Service temporairement indisponible", transient=True))

    def without_request_id(self, accepted: Accepted) -> Answer:  # noqa: ARG002
        """A 200 without ``events_received``."""
        return Answer(200, to_json({"messages": [], "fbtrace_id": _trace()}))

    def with_wrong_count(self, accepted: Accepted) -> Answer:
        """A 200 with one event less than the request has."""
        return events_received(accepted.events - 1)


@dataclass(frozen=True, slots=True)
class GraphError:
    """The ``error`` object of the Graph API."""

    code: int
    subcode: int | None = None
    message: str = "Paramètre non valide"
    transient: bool = False


def events_received(events: int, messages: Sequence[str] = ()) -> Answer:
    """The answer to an accepted request."""
    return Answer(200, to_json({"events_received": events, "messages": [*messages], "fbtrace_id": _trace()}))


def error(
    http_status: int, graph_error: GraphError, *, headers: Mapping[str, str] | None = None, why: str = ""
) -> Answer:
    """An error answer; its body names no event, so *why* goes only to the sandbox's own report."""
    code, subcode, message = graph_error.code, graph_error.subcode, graph_error.message
    body = {"message": message, "type": "OAuthException", "code": code, "is_transient": graph_error.transient}
    if subcode is not None:
        title = TITLES.get(subcode, message)
        body |= {"error_subcode": subcode, "error_user_title": title, "error_user_msg": f"{title}."}
    report_code = str(code) if subcode is None else f"{code}/{subcode}"
    return Answer(http_status, to_json({"error": body | {"fbtrace_id": _trace()}}), report_code, why, headers or {})


def _check_envelope(request: Request) -> Answer | None:
    """The refusal of a request by its path or headers, or None."""
    path = EVENTS_PATH.fullmatch(request.path)
    if "access_token" in request.query:
        message = "JETON DANS L'ADRESSE: les journaux le gardent; révoquez-le et envoyez Authorization: Bearer"
        why = "A TOKEN IN THE URL: logs keep it; revoke it, send a bearer header"
        return error(400, GraphError(2500, message=message), why=why)
    if path is None:
        return error(400, GraphError(2500, message="Composants de chemin inconnus"), why="not /vN.N/DATASET/events")
    if not path["dataset"].isascii() or not path["dataset"].isdigit():
        unsupported = GraphError(100, 33, "Requête post non prise en charge")
        return error(400, unsupported, why="the dataset is not a number")
    if not valid_authorization(request.authorization):
        return Meta().unauthenticated()
    if not is_json(request.content_type):
        return error(400, GraphError(100), why="not application/json")
    return None


def _invalid(mistakes: Sequence[ErrorDetails]) -> Answer:
    first = mistakes[0]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).removeprefix(".")
    subcode = int(first["type"]) if first["type"].isdigit() else None
    return error(400, GraphError(100, subcode), why=f"{path}: {first['msg']}")


def _arrival(dataset: str, event: Event) -> ReceivedEvent:
    data = event.custom_data
    return ReceivedEvent(
        key=_in_store_key(dataset, event) if event.action_source == "physical_store" else _key(dataset, event),
        value=data.value if data else None,
        currency=data.currency.upper() if data and data.currency else None,
        window=OFFLINE_REPEAT_WINDOW if event.action_source == "physical_store" else REPEAT_WINDOW,
        restates=False,
    )


def _key(dataset: str, event: Event) -> tuple[object, ...] | None:
    return (dataset, event.event_name, event.event_id) if event.event_id else None


def _in_store_key(dataset: str, event: Event) -> tuple[object, ...]:
    data = event.custom_data
    order = data.order_id if data else None
    person = order or tuple(event.user_data.em or ())
    return (dataset, "offline", event.event_time, event.event_name, data.item_number if data else None, person)


def _trace() -> str:
    return f"A{uuid.uuid4().hex[:22]}"
