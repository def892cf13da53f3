"""Whether the quoted sentence of the privacy policy says in which form the data really travel."""

import re
from collections.abc import Iterable, Iterator

from conversions.catalogue import Language, messages
from conversions.disclosure.forms import promised_forms
from conversions.disclosure.policy import Policy
from conversions.doctor.check_result import CheckResult, note

_CLAIM = re.compile(r"hash|krypter|encrypt|pseudonym|anonym", re.IGNORECASE)
"""Words that promise a protected form, in Danish and English."""
_CLEAR = re.compile(
    r"(?i)klartekst|\b(?:in|as) clear\b|clear ?text|plain ?text|\b(?:ikke|not|u|un) ?-?(?:hash|krypter|encrypt)",
    re.IGNORECASE,
)
"""Words that say which data travel in clear."""
_ANONYMOUS = re.compile(r"(?<!ikke )(?<!not )\banonym", re.IGNORECASE)
_SENTENCES = {
    Language.DANISH: (
        "Når du gennemfører et køb, videregiver vi disse oplysninger til Google, Facebook og Instagram: {hashed} i"
        " hashet form (pseudonymiseret), og {clear} i klartekst."
    ),
    Language.ENGLISH: (
        "When you complete a purchase, we pass on this information to Google, Facebook and Instagram: {hashed} in"
        " hashed form (pseudonymised), and {clear} in clear."
    ),
}


def check_promised_form(policy: Policy, kinds: Iterable[str]) -> Iterator[CheckResult]:
    """Yield a note where the sentence promises that data are hashed, encrypted or anonymous, and they are not."""
    forms = promised_forms(policy, kinds)
    promises_more = _CLAIM.search(policy.quote) and not _CLEAR.search(policy.quote) and "clear" in forms
    if not (promises_more or _ANONYMOUS.search(policy.quote)):
        return
    named = {language: _named(forms, language) for language in Language}
    hashed, clear = (named[Language.ENGLISH].get(form, "nothing") for form in ("hashed", "clear"))
    proposals = " ".join(
        f"{language.upper()}: “{sentence.format(**{'hashed': '…', 'clear': '…'} | named[language])}”"
        for language, sentence in _SENTENCES.items()
    )
    yield note(
        "policy",
        "The quoted sentence promises a protected form and does not say which data travel in clear. Hashed (SHA-256):"
        f" {hashed}. In clear: {clear}. No value is encrypted or anonymous.",
        f"Correct the shop's privacy policy, then quote the new sentence as a new version, for example {proposals}",
    )


def _named(forms: dict[str, list[str]], language: Language) -> dict[str, str]:
    from babel.lists import format_list

    names = messages(language)["promised"]
    return {
        form: str(format_list(list(dict.fromkeys(names.get(path, path) for path in paths)), locale=language.locale))
        for form, paths in forms.items()
    }
