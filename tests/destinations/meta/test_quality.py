"""How Meta rates a dataset: numbers are taken from whatever form the answer has, and nothing else is."""

import orjson
import pytest

from conversions.destinations.meta.quality import MAX_FIGURES, figures


def test_an_offline_dataset_has_a_score_for_each_dimension() -> None:
    said = {"offline": {"composite": {"score": 6.1, "recommendation": "Add ida@kunde.example"}, "freshness": 7}}
    assert figures(orjson.dumps(said)) == {"offline.composite.score": 6.1, "offline.freshness": 7.0}


def test_of_web_events_ours_is_taken_and_no_coverage_of_others() -> None:
    quality = {"composite_score": 6.2, "match_key_feedback": [{"identifier": "email", "coverage": {"percentage": 100}}]}
    said = {"web": [{"event_name": "PageView", "x": 1}, {"event_name": "Purchase", "event_match_quality": quality}]}
    assert figures(orjson.dumps(said)) == {"web.event_match_quality.composite_score": 6.2}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b"5", b"true", b"NaN", b'{"a":NaN,"b":true,"C":1,"d e":2}', b"[" * 10_000, b"\xff"],
)
def test_what_is_no_answer_has_no_figures(body: bytes) -> None:
    assert figures(body) == {}


def test_an_error_has_no_figures() -> None:
    assert figures(b'{"error":{"code":100,"error_subcode":2044055}}') == {}


def test_figures_without_end_are_cut() -> None:
    names = [a + b for a in "abcdefghij" for b in "abcdefghij"]
    assert len(figures(orjson.dumps(dict.fromkeys(names, 1)))) == MAX_FIGURES
