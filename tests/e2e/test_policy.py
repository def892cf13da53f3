"""Another policy is refused until a person has approved it, and every request names the version it left under."""

import json

import pytest

from tests.e2e.shop import Shop


def change(shop: Shop, version: str | None = "2026-02", comment: str = "# changed\n") -> None:
    """The upload's tag may not leave any more."""
    lines = [line for line in shop.policy.read_text().splitlines(True) if '"upload_tag"' not in line]
    text = comment + "".join(lines)
    shop.policy.write_text(text.replace('version = "2026-01"', f'version = "{version}"') if version else text)


def leaves(shop: Shop, kind: str) -> list[dict[str, object]]:
    bodies = [json.loads(body) for (body,) in shop.sql("SELECT body FROM leaf ORDER BY seq")]
    return [body for body in bodies if body["kind"] == kind]


def test_the_first_run_records_the_policy_it_leaves_under(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()

    assert [leaf["version"] for leaf in leaves(shop, "policy recorded")] == ["2026-01"]
    assert shop.command("policy", "show", "--json").json["version"] == "2026-01"


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_changed_policy_stops_before_anything_is_sent(shop: Shop, command: str) -> None:
    shop.orders(shop.order())
    shop.run()
    before = shop.requests()
    shop.orders(shop.order(), shop.order("1002"))
    change(shop)

    said = shop.command(command)

    assert said.code == 78
    assert "conversions policy approve" in said.err
    assert shop.requests() == before


def test_an_approval_says_who_why_and_what_changed_and_lets_orders_leave_again(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    shop.orders(shop.order(), shop.order("1002"))
    change(shop)

    said = shop.command("policy", "approve", "--by", "Jens Holm", "--reason", "the tag is not needed")
    again = shop.run()

    assert said.code == 0, said
    assert again.code == 0, again
    (leaf,) = leaves(shop, "policy approved")
    assert (leaf["by"], leaf["reason"], leaf["old_version"], leaf["new_version"]) == (
        "Jens Holm",
        "the tag is not needed",
        "2026-01",
        "2026-02",
    )
    assert leaf["removed"] == ["meta upload_tag (upload-tag, envelope)"]
    assert leaf["added"] == []
    versions = [(line["run_id"], line["policy_version"]) for line in shop.exported()]
    assert set(versions) == {(1, "2026-01"), (versions[-1][0], "2026-02")}
    assert b"upload_tag" in shop.bodies("meta")[0]
    assert b"upload_tag" not in shop.bodies("meta")[-1]


def test_diff_names_paths_and_lines(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    assert "is the approved policy" in shop.command("policy", "diff").out
    change(shop)

    said, parsed = shop.command("policy", "diff"), shop.command("policy", "diff", "--json").json

    assert "May not leave any more: meta upload_tag" in said.out
    assert "+# changed" in said.out
    assert parsed["removed"] == ["meta upload_tag (upload-tag, envelope)"]
    assert not parsed["same"]


def test_the_version_of_a_changed_policy_must_be_a_new_one(shop: Shop) -> None:
    shop.orders(shop.order())
    shop.run()
    change(shop, version=None)

    said = shop.command("policy", "approve", "--by", "Jens Holm", "--reason", "a comment")

    assert said.code == 2
    assert "give it a new version" in said.err


def test_nothing_to_approve_where_a_person_approved_it_all(shop: Shop) -> None:
    words = ("--by", "Jens Holm", "--reason", "why not")
    assert shop.command("policy", "approve", *words).code == 0
    shop.orders(shop.order())
    shop.run()
    assert shop.command("policy", "approve", *words).code == 2


@pytest.mark.parametrize(
    "words", [("--by", "jens@shop.example", "--reason", "x"), ("--by", "J", "--reason", "for a@b.dk")]
)
def test_an_address_does_not_reach_the_log(shop: Shop, words: tuple[str, ...]) -> None:
    shop.orders(shop.order())
    shop.run()
    change(shop)

    said = shop.command("policy", "approve", *words)

    assert said.code == 2
    assert "@" not in said.err.replace("--by", "")
    assert leaves(shop, "policy approved") == []
