"""A copy of each checkpoint outside, every night, and what an auditor does with the folder."""

import gzip
import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from conversions.distribution import delivery
from conversions.ledger import checkpoints
from tests.distribution.mail_server import PASSWORD, MailServer
from tests.e2e.said import CONFIG, STORE, USAGE, Said, stopped
from tests.e2e.shop import Shop
from tests.e2e.texts import export
from tests.intake.sources.file_servers import AWS, BUCKET, s3_server

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own


def folder(shop: Shop) -> Path:
    return shop.home / "auditor"


def night(shop: Shop, *arguments: str) -> Said:
    """A night with one order."""
    shop.wait(days=1)
    day = shop.day(1)
    shop.orders(shop.order(day.replace("-", ""), purchased_at=f"{day} 12:00:00"), name=f"{day}.csv")
    return shop.command("run", *arguments)


@pytest.fixture
def collected(shop: Shop) -> Shop:
    """A shop that names an auditor's folder."""
    folder(shop).mkdir()
    shop.configure(store={"checkpoint_to": [f"file://{folder(shop)}"]})
    return shop


def directory(shop: Shop) -> Path:
    return shop.home / "var-conversions.checkpoints"


def contents(place: Path) -> list[str]:
    return [path.read_text() for path in sorted(place.glob("*.checkpoint"))]


def test_each_night_leaves_a_copy_and_is_silent(collected: Shop) -> None:
    for _ in range(3):
        said = night(collected, "--quiet")
        assert (said.code, said.out, said.err) == (0, "", "")

    assert contents(folder(collected)) == contents(directory(collected))


def test_a_run_that_is_stopped_leaves_one_too(collected: Shop) -> None:
    """Its file is cut off far behind what a run looks at before it begins."""
    assert night(collected).code == 0
    rows = [collected.order(str(n), product_ids=os.urandom(8).hex()) for n in range(5000)]
    whole = gzip.compress(export(collected.order(), rows))
    collected.file(whole[: len(whole) // 2], "cut.csv.gz")
    collected.configure(source={"path": "orders/cut.csv.gz"}, store={"checkpoint_to": [f"file://{folder(collected)}"]})
    before = len(contents(directory(collected)))

    assert collected.command("run").code == 66
    assert len(contents(directory(collected))) == before + 1
    assert contents(folder(collected)) == contents(directory(collected))


def test_one_failure_is_told_and_changes_nothing_and_the_second_is_a_finding(collected: Shop) -> None:
    folder(collected).rmdir()

    said = night(collected, "--quiet")
    assert said.code == 0
    assert said.err.startswith(f"1 checkpoint has not reached file://{folder(collected)}")
    assert night(collected, "--quiet").code == 0
    said = night(collected, "--json")

    assert said.code == 1
    assert [finding["count"] for finding in said.json["findings"] if finding["code"] == "checkpoint_to"] == [1]
    assert len(said.json["undelivered_checkpoints"]) == 1
    assert [finding["code"] for finding in collected.status()["findings"]] == ["checkpoint_to"]
    assert night(collected).code == 0, "known"
    folder(collected).mkdir()
    assert night(collected).code == 0
    assert contents(folder(collected)) == contents(directory(collected))
    assert night(collected, "--quiet").err == ""
    assert collected.status()["findings"] == []


def test_the_wire_is_the_same_with_a_place_that_fails(collected: Shop) -> None:
    shutil.rmtree(folder(collected))
    night(collected)

    assert collected.received("google")["distinct"] == collected.received("meta")["distinct"] == 1


def test_whoever_is_on_call_hears_of_a_place_that_fails(collected: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from conversions.on_call import alerts

    told: list[str] = []
    monkeypatch.setattr(alerts, "send", lambda _, alert, __: told.extend(alert.sentences))
    collected.environment["CONVERSIONS_ON_CALL__ALERTS"] = '["json://127.0.0.1:1"]'
    shutil.rmtree(folder(collected))
    for _ in range(3):
        night(collected)

    assert [sentence for sentence in told if "have not reached" in sentence]


def test_anything_that_goes_wrong_in_handing_over_leaves_the_run_as_it_was(
    collected: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("mailto://never-shown")

    monkeypatch.setattr(delivery, "within", fails)

    said = night(collected, "--quiet")
    assert said.code == 0
    assert said.err == "No checkpoint was handed over (RuntimeError); `conversions doctor` checks why.\n"


def test_mail_bucket_and_command_in_one_night(shop: Shop) -> None:
    program, got = shop.home / "push", shop.home / "got"
    program.write_text(f"#!{sys.executable}\nimport os, sys\nopen({str(got)!r}, 'a').write(sys.stdin.read())\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    prefix = os.urandom(4).hex()
    with MailServer() as mail:
        shop.environment |= AWS | {
            "AWS_ENDPOINT_URL": s3_server().url,
            "CONVERSIONS_STORE__CHECKPOINT_TO": json.dumps(
                [mail.address, f"s3://{BUCKET}/{prefix}/", f"command:{program}"]
            ),
        }
        said = night(shop, "--quiet")
        assert (said.code, said.err) == (0, "")
        doctor = shop.command("doctor", "--online")

    [note] = contents(directory(shop))[:1]
    assert got.read_text().startswith(note)
    assert len(s3_server().client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]) == 2
    assert len(mail.messages) == 2
    assert "checkpoints: mailto:// (number 1 of store.checkpoint_to) has the newest checkpoint." in doctor.out
    for secret in (PASSWORD, AWS["AWS_SECRET_ACCESS_KEY"]):
        assert not [said for said in shop.said if secret in said.out + said.err]
        assert not [name for name, content in shop.store_bytes().items() if secret.encode() in content]
        assert not [path for path in directory(shop).iterdir() if secret.encode() in path.read_bytes()]


def test_an_address_with_a_login_has_no_place_in_the_file(shop: Shop) -> None:
    shop.configure(store={"checkpoint_to": ["mailto://shop:s3cret@mail.example"]})

    said = shop.command("run")
    stopped(said, CONFIG, "checkpoint_to")
    assert "s3cret" not in said.err


@pytest.mark.parametrize("address", ["s3://key:s3cret@bucket/", "sftp://u:s3cret@host/", "command:", "somewhere"])
def test_what_is_no_address_is_refused_with_those_that_are(shop: Shop, address: str) -> None:
    shop.configure(store={"checkpoint_to": [address]})

    said = shop.command("run")
    assert said.code == CONFIG
    assert "store.checkpoint_to.0: write file:///FOLDER/, s3://BUCKET/FOLDER/ without a login, command:" in said.err
    assert "s3cret" not in said.err


def test_doctor_shows_each_place_and_tests_it_when_asked(collected: Shop) -> None:
    said = collected.command("doctor")
    assert f"ok       checkpoints: Each run hands its checkpoint to file://{folder(collected)}; none was" in said.out
    night(collected)
    assert "the last one arrived on" in collected.command("doctor").out
    folder(collected).rename(collected.home / "unplugged")

    assert "has not reached" not in collected.command("doctor").out, "nothing failed yet"
    found = collected.command("doctor", "--online", "--json").json["findings"]
    [failed] = [each for each in found if (each["about"], each["level"]) == ("checkpoints", "problem")]
    assert failed["sentence"].startswith(f"file://{folder(collected)} does not take the newest checkpoint (it cannot")
    assert failed["exit_code"] == 1, "a run would go on"


def test_an_auditor_gives_the_folder(collected: Shop) -> None:
    for _ in range(3):
        night(collected)
    collected.wait(days=2)
    assert collected.command("audit", "show", 1).code == 0, "one more entry: the look"

    said = collected.command("audit", "verify", "--checkpoint", folder(collected))
    assert said.code == 0
    assert "The newest from outside that fits is the checkpoint " in said.out
    assert "2 days old. After it came 1 entries, from " in said.out
    outside = collected.command("audit", "verify", "--json", "--checkpoint", folder(collected)).json["outside"]
    assert {each["fit"] for each in outside["checkpoints"]} == {"covered"}
    assert outside["newest"]["entries_after"] > 0


def test_a_folder_without_checkpoints_is_said(collected: Shop) -> None:
    night(collected)
    (collected.home / "empty").mkdir()

    said = collected.command("audit", "verify", "--checkpoint", collected.home / "empty")
    stopped(said, USAGE, "no file *.checkpoint")


def test_an_older_copy_with_all_its_files_is_told_by_the_folder_alone(collected: Shop) -> None:
    night(collected)
    kept = {name: collected.home / f"kept-{name}" for name in ("var", "var-conversions.checkpoints")}
    for name, place in kept.items():
        shutil.copytree(collected.home / name, place)
    tail = collected.tail.read_bytes()
    night(collected)
    for name, place in kept.items():
        shutil.rmtree(collected.home / name)
        shutil.copytree(place, collected.home / name)
    collected.tail.write_bytes(tail)

    assert collected.command("audit", "verify").code == 0
    said = collected.command("audit", "verify", "--checkpoint", folder(collected))
    assert said.code == STORE
    assert "this looks like a rollback, the store is an older copy" in said.out


# a rotated key


def test_a_rotated_key_overlaps_and_doctor_says_until_when(used_key: Shop) -> None:
    shop = used_key
    doctor = shop.command("doctor").out
    assert "signs checkpoints, too, until 2026-12-" in doctor
    assert contents(directory(shop))[-1].count("\u2014 conversions/") == 2
    shop.wait(days=31)
    night(shop)

    assert contents(directory(shop))[-1].count("\u2014 conversions/") == 1
    assert "1 of 1 keys in CONVERSIONS_FORMER_LOG_KEYS signs nothing any more." in shop.command("doctor").out
    assert shop.command("audit", "verify").code == 0


@pytest.fixture
def used_key(shop: Shop) -> Shop:
    """The log key was changed, and the former one is kept."""
    shop.environment["CONVERSIONS_LOG_KEY"] = "aa" * 32
    night(shop)
    shop.environment |= {"CONVERSIONS_LOG_KEY": "bb" * 32, "CONVERSIONS_FORMER_LOG_KEYS": "aa" * 32}
    said = shop.command("audit", "rotate-key", "--reason", "every year")
    assert said.code == 0, said
    assert "until 2026-12-" in said.err
    night(shop)
    return shop


def test_a_key_that_was_lost_is_said_when_it_is_rotated_and_by_doctor(shop: Shop) -> None:
    shop.environment["CONVERSIONS_LOG_KEY"] = "aa" * 32
    night(shop)
    shop.environment["CONVERSIONS_LOG_KEY"] = "bb" * 32
    said = shop.command("audit", "rotate-key", "--reason", "it was lost")

    assert "CONVERSIONS_FORMER_LOG_KEYS" in said.err
    assert "a verifier that knows only that key" in shop.command("doctor").out


def test_a_bundle_made_in_the_overlap_is_accepted(used_key: Shop) -> None:
    day = f"{used_key.now:%Y-%m-%d}"
    said = used_key.command("audit", "bundle", "--since", day, "--until", day, "--out", used_key.home / "b.zip")

    assert said.code == 0, said
    assert "which grew out of" in said.out


def test_no_key_of_the_overlap_is_shown(used_key: Shop) -> None:
    for key in ("aa" * 32, "bb" * 32):
        assert not [said for said in used_key.said if key in said.out + said.err]
        assert not [name for name, content in used_key.store_bytes().items() if key.encode() in content]


def test_a_restored_store_makes_bundles_with_all_its_checkpoints(collected: Shop) -> None:
    night(collected)
    copy = collected.home / "copy.db"
    assert collected.command("backup", copy).code == 0
    night(collected)
    shutil.rmtree(collected.home / "var")
    assert collected.command("restore", copy, "--yes").code == 0
    night(collected)

    day = f"{collected.now:%Y-%m-%d}"
    said = collected.command("audit", "bundle", "--since", day, "--until", day, "--out", collected.home / "b.zip")
    assert said.code == 0, said
    assert collected.command("audit", "verify", "--checkpoint", folder(collected)).code == 0
    assert len({checkpoints.parse(text).origin for text in contents(folder(collected))}) == 2


def test_a_mail_server_that_is_gone_is_one_line_without_its_login(real_shop: Shop) -> None:
    address = f"mailto://shop:{PASSWORD}@127.0.0.1:9/?from=shop@shop.example&to=a@audit.example&mode=insecure"
    real_shop.environment["CONVERSIONS_STORE__CHECKPOINT_TO"] = json.dumps([address])
    real_shop.orders(real_shop.order())

    said = real_shop.process("run", "--quiet")
    assert said.code == 0
    [line] = said.err.splitlines()
    assert "mailto:// (number 1 of store.checkpoint_to) (the message was not accepted)" in line
    assert PASSWORD not in said.err + said.out
