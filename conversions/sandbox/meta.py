"""Meta's Conversions API: one bad event refuses the whole request, and nobody says which.

Texts come in the language of the account, here French, so that a client can only go by the numbers.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from conversions.sandbox.base import Accepted, Answer, Arrival, Request, bearer, exact_json, is_json, packed, poisons
from conversions.sandbox.faults import Kind, Plan
from conversions.sandbox.meta_body import NO_CURRENCY, NO_VALUE, TOO_OLD, WEAK_IDENTIFIERS, Event, Upload

QUALITY_PATH = re.compile(r"/v\d+\.\d+/dataset_quality")
EVENTS = re.compile(r"/(?P<version>v\d+\.\d+)/(?P<dataset>[^/]+)/events")
SEEN = timedelta(hours=48)
"""How long the same event_id and event_name count once."""
SEEN_IN_STORE = timedelta(days=7)
"""How long offline events of the same time, name, item and order count once."""
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
    """The datasets' inbox."""

    name = "meta"

    def check(self, request: Request, now: datetime, plan: Plan) -> Accepted | Answer:
        """Take *request* as a whole or refuse it as a whole."""
        if refusal := _refused_unread(request):
            return refusal
        try:
            upload = Upload.model_validate(exact_json(request.body), context={"now": now})
        except ValidationError as mistakes:
            return _invalid(mistakes.errors(include_url=False, include_input=False))
        except ValueError as mistake:
            return error(400, 100, why=f"not JSON: {type(mistake).__name__}")
        poison = plan.standing(Kind.POISON, self.name)
        if poisoned := [i for i, e in enumerate(upload.data) if poisons(poison, e.ids(), e.product_ids())]:
            return error(400, 100, BAD_EVENT, why=f"data[{poisoned[0]}]: poison")
        dataset = request.path.split("/")[2]
        answer = received(len(upload.data), plan.standing(Kind.WARNING, self.name))
        return Accepted(answer, len(upload.data), [_arrival(dataset, e) for e in upload.data])

    def quality(self, request: Request, plan: Plan) -> Answer:
        """The answer of ``dataset_quality``: of whatever it is asked about, the same figures."""
        if plan.faults(Kind.NO_VERDICTS, self.name):
            return self.unavailable()
        if not bearer(request.authorization):
            return self.unauthenticated()
        if not request.query.get("dataset_id", "").isdigit():
            return error(400, 100, 2044055, why="the dataset is not a number")
        kind = "offline" if request.query.get("fields", "").startswith("offline") else "web"
        return Answer(200, packed({kind: QUALITY[kind]}))

    def unauthenticated(self) -> Answer:
        """No token, or something that is none."""
        return error(401, 190, message="Jeton d'accès OAuth non valide", why="no bearer token")

    def expired_token(self) -> Answer:
        """A token that is no longer valid."""
        return error(401, 190, 463, message="La session du jeton d'accès a expiré")

    def throttled(self, seconds: int) -> Answer:
        """The application's request limit."""
        message = "Limite de requêtes de l'application atteinte"
        return error(429, 4, message=message, transient=True, headers={"Retry-After": str(seconds)})

    def quota_per_day(self) -> Answer:
        """A business use case's limit; its header says when access comes back."""
        usage = {"type": "ads_management", "call_count": 100, "total_cputime": 25, "total_time": 25}
        usage |= {"estimated_time_to_regain_access": REGAIN_MINUTES, "ads_api_access_tier": "standard_access"}
        headers = {"X-Business-Use-Case-Usage": packed({"0": [usage]}).decode()}
        return error(400, 80004, 2446079, message="Trop d'appels pour ce compte publicitaire", headers=headers)

    def unavailable(self) -> Answer:
        """Down, and able to say so."""
        return error(503, 2, message="Service temporairement indisponible", transient=True)

    def anonymous(self, accepted: Accepted) -> Answer:  # noqa: ARG002
        """A 200 without ``events_received``."""
        return Answer(200, packed({"messages": [], "fbtrace_id": _trace()}))

    def miscounted(self, accepted: Accepted) -> Answer:
        """A 200 that counts one event less than came."""
        return received(accepted.events - 1)


def received(events: int, messages: Sequence[str] = ()) -> Answer:
    """The answer to a request that was taken."""
    return Answer(200, packed({"events_received": events, "messages": [*messages], "fbtrace_id": _trace()}))


def error(
    http_status: int,
    code: int,
    subcode: int | None = None,
    *,
    message: str = "Paramètre non valide",
    transient: bool = False,
    headers: Mapping[str, str] | None = None,
    why: str = "",
) -> Answer:
    """An error body; it names no event, so *why* goes to the sandbox's own report only."""
    said = {"message": message, "type": "OAuthException", "code": code, "is_transient": transient}
    if subcode is not None:
        title = TITLES.get(subcode, message)
        said |= {"error_subcode": subcode, "error_user_title": title, "error_user_msg": f"{title}."}
    counted = str(code) if subcode is None else f"{code}/{subcode}"
    return Answer(http_status, packed({"error": said | {"fbtrace_id": _trace()}}), counted, why, headers or {})


def _refused_unread(request: Request) -> Answer | None:
    """What is wrong before the body is looked at."""
    path = EVENTS.fullmatch(request.path)
    if "access_token" in request.query or "appsecret_proof" in request.query:
        message = "JETON DANS L'ADRESSE: les journaux le gardent; révoquez-le et envoyez Authorization: Bearer"
        return error(
            400, 2500, message=message, why="A TOKEN IN THE URL: logs keep it; revoke it, send a bearer header"
        )
    if path is None:
        return error(400, 2500, message="Composants de chemin inconnus", why="not /vN.N/DATASET/events")
    if not path["dataset"].isascii() or not path["dataset"].isdigit():
        return error(400, 100, 33, message="Requête post non prise en charge", why="the dataset is not a number")
    if not bearer(request.authorization):
        return Meta().unauthenticated()
    if not is_json(request.content_type):
        return error(400, 100, why="not application/json")
    return None


def _invalid(mistakes: Sequence[ErrorDetails]) -> Answer:
    first = mistakes[0]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).removeprefix(".")
    subcode = int(first["type"]) if first["type"].isdigit() else None
    return error(400, 100, subcode, why=f"{path}: {first['msg']}")


def _arrival(dataset: str, event: Event) -> Arrival:
    data = event.custom_data
    return Arrival(
        key=_in_store_key(dataset, event) if event.action_source == "physical_store" else _key(dataset, event),
        value=data.value if data else None,
        currency=data.currency.upper() if data and data.currency else None,
        window=SEEN_IN_STORE if event.action_source == "physical_store" else SEEN,
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
