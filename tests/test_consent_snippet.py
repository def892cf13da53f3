"""The plug-in that records a visitor's answer about ads: it runs in PHP, and writes nothing that was not answered."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conversions.settings import WooCommerceSource
from conversions.settings.values import ad_consent_name

SNIPPET = Path(__file__).parents[1] / "config" / "woocommerce-consent.php"
HOOKS = {"woocommerce_checkout_create_order", "woocommerce_store_api_checkout_update_order_meta"}
"""The classic checkout, and the one of blocks."""
WORDPRESS = """
    define('ABSPATH', '/'); $hooks = [];
    function add_action($name, $action) { global $hooks; $hooks[$name] = $action; }
    class WC_Order { public $meta = []; function update_meta_data($key, $value) { $this->meta[$key] = $value; } }
    require $argv[1]; $_COOKIE = json_decode($argv[2], true); $written = [];
    foreach ($hooks as $name => $action) { $order = new WC_Order; $action($order); $written[$name] = $order->meta; }
    echo json_encode($written);
"""


def written(cookies: dict[str, object]) -> dict[str, dict[str, str]]:
    """What each hook writes into an order."""
    php = shutil.which("php")
    if php is None:
        missing = "php is missing (Debian package php-cli)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    command = [php, "-d", "error_reporting=-1", "-r", WORDPRESS, "--", str(SNIPPET), json.dumps(cookies)]
    orders: dict[str, dict[str, str]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {name: dict(meta) for name, meta in orders.items()}


@pytest.mark.parametrize(
    ("cookies", "answer"),
    [
        ({"wp_consent_marketing": "allow"}, "granted"),
        ({"wp_consent_marketing": "deny"}, "denied"),
        ({"CookieConsent": "{stamp:'x',necessary:true,marketing:true}"}, "granted"),
        ({"CookieConsent": "{necessary:true,marketing:false}"}, "denied"),
        ({"wp_consent_marketing": "deny", "CookieConsent": "{marketing:true}"}, "denied"),
        ({}, None),
        ({"wp_consent_marketing": "1"}, None),
        ({"wp_consent_marketing": ["allow"], "CookieConsent": ["x"]}, None),
        ({"CookieConsent": "{necessary:true}", "newsletter": "1"}, None),
    ],
)
def test_the_answer_is_written_at_both_checkouts_and_none_is_invented(
    cookies: dict[str, object], answer: str | None
) -> None:
    assert written(cookies) == dict.fromkeys(HOOKS, {"_ad_consent": answer} if answer else {})


def test_its_key_and_words_are_those_that_the_reader_knows() -> None:
    text = SNIPPET.read_text()
    (key,) = re.findall(r"update_meta_data\( '(\w+)'", text)

    assert ad_consent_name(key) == key
    words = WooCommerceSource.model_fields
    assert "'granted' : 'denied'" in text
    assert "granted" in words["consent_granted"].default
    assert "denied" in words["consent_denied"].default
