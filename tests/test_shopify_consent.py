"""The snippet that records a visitor's answer about ads in a Shopify cart: it writes nothing that was not answered."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conversions.settings import ShopifySource
from conversions.settings.values import ad_consent_name

SNIPPET = Path(__file__).parents[1] / "config" / "shopify-consent.liquid"
BROWSER = """
    const [snippet, recorded, before, after] = JSON.parse(process.argv[1]);
    const sent = [], listeners = {};
    let answer = before;
    globalThis.fetch = (url, request) => sent.push([url, JSON.parse(request.body).attributes]);
    globalThis.document = {addEventListener: (name, action) => { listeners[name] = action; }};
    globalThis.window = {Shopify: {
        customerPrivacy: {currentVisitorConsent: () => answer},
        loadFeatures: (features, done) => done(),
    }};
    (0, eval)(snippet.replace(/{{[^}]*}}/, JSON.stringify(recorded)));
    answer = after;
    listeners.visitorConsentCollected();
    console.log(JSON.stringify(sent));
"""


def written(recorded: str | None, before: object, after: object) -> list[list[object]]:
    """What is sent to the cart: a page is loaded with one answer, and then the banner collects another."""
    node = shutil.which("node")
    if node is None:
        missing = "node is missing (Debian package nodejs)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    match = re.search(r"<script>(.*)</script>", SNIPPET.read_text(encoding="utf-8"), re.DOTALL)
    assert match
    arguments = json.dumps([match[1], recorded, before, after])
    said = subprocess.run([node, "-e", BROWSER, arguments], check=True, capture_output=True, text=True).stdout
    sent: list[list[object]] = json.loads(said)
    return sent


@pytest.mark.parametrize(
    ("recorded", "before", "after", "answers"),
    [
        (None, {"marketing": ""}, {"marketing": ""}, []),
        (None, None, {}, []),
        (None, {"marketing": ""}, {"marketing": "yes"}, ["granted"]),
        (None, {"marketing": "yes"}, {"marketing": "no"}, ["granted", "denied"]),
        (None, {"marketing": "no"}, {"marketing": "no"}, ["denied"]),
        ("granted", {"marketing": "yes"}, {"marketing": "yes"}, []),
        ("granted", {"marketing": "no"}, {"marketing": ""}, ["denied"]),
    ],
)
def test_each_answer_is_written_once_and_no_answer_never(
    recorded: str | None, before: object, after: object, answers: list[str]
) -> None:
    assert written(recorded, before, after) == [["/cart/update.js", {"ad_consent": answer}] for answer in answers]


def test_the_answers_are_words_that_the_settings_know() -> None:
    name = re.search(r"cart\.attributes\.(\w+)", SNIPPET.read_text(encoding="utf-8"))
    fields = ShopifySource.model_fields
    assert name
    assert ad_consent_name(name[1]) == "ad_consent"
    assert "granted" in fields["consent_granted"].default
    assert "denied" in fields["consent_denied"].default
