"""What tells a platform to check and not to count: one constant, which no real request can carry."""

import warnings

import orjson
import pytest
from google.protobuf.json_format import ParseDict

from conversions.destinations.base import ValidatesOnly
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.gate import Gate
from conversions.disclosure.schema import SCHEMA
from conversions.errors import DisclosureError
from tests.destinations.specimens import POLICY, conversion, google_settings, meta_settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from google.ads.datamanager_v1.types import IngestEventsRequest

GOOGLE = Google("google", google_settings(), POLICY)


def body() -> bytes:
    envelope = GOOGLE.envelope("")
    return envelope.prefix + GOOGLE.event(conversion()) + envelope.suffix


def test_the_rest_is_as_the_gate_has_seen_it() -> None:
    probe = orjson.loads(GOOGLE.as_validate_only(body()))
    assert probe.pop("validateOnly") is True
    assert orjson.dumps(probe) == body()


def test_google_reads_it_as_a_request_to_validate_only() -> None:
    message = ParseDict(
        orjson.loads(GOOGLE.as_validate_only(body())), IngestEventsRequest.pb()(), ignore_unknown_fields=False
    )
    assert message.validate_only


def test_no_policy_can_let_it_leave_with_an_order() -> None:
    assert not [path for paths in SCHEMA.values() for path in paths if "validate" in path.lower()]
    with pytest.raises(DisclosureError, match="validateOnly"):
        Gate(POLICY, "google").check(GOOGLE.as_validate_only(body()), 1)


def test_meta_has_nothing_of_the_kind() -> None:
    assert isinstance(GOOGLE, ValidatesOnly)
    assert not isinstance(Meta("meta", meta_settings(), POLICY), ValidatesOnly)
