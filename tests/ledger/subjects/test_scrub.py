"""After an erasure no file of the store holds anything of the person, and everything of the others."""

import os
import random
import sqlite3

import pytest
from sqlalchemy import select, text

from conversions.ledger.outbox import settle
from conversions.ledger.schema import tables
from conversions.ledger.store.remnants import Remnants
from conversions.ledger.subjects import access_log, erasure, rectification, suppressions
from conversions.ledger.subjects.records import own_sales
from conversions.ledger.subjects.scrub import open_scrubs, scrub
from conversions.model.conversion import Reason
from tests.ledger import stored
from tests.ledger.builders import LOST, RECEIVED, UNSENT, Night, Sighting, against, another_look, sighting, subject
from tests.ledger.subjects.test_redaction import assert_committed, bought, digest, send
from tests.ledger.subjects.traces_in_files import Held, held, left

ERASURES = int(os.environ.get("ERASURES", "30"))
"""Persons of the sample; all of it is ERASURES=1000."""


def erase(night: Night, *people: str) -> None:
    erased = [erasure.erase_person(night.ledger, (subject(person),), f"case {person}") for person in people]
    assert scrub(night.ledger, [one.traces for one in erased if one.traces])


def fill(night: Night, people: list[str], chance: random.Random) -> None:
    """Three orders a buyer in many runs: sent, unanswered, withheld, read again, handed on, corrected, looked at."""
    waiting = [(person, number) for person in people for number in range(3)]
    chance.shuffle(waiting)
    for nth, start in enumerate(range(0, len(waiting), 60)):
        new = waiting[start : start + 60]
        again = chance.sample(waiting[:start], min(start, 20))
        handed = chance.sample(new, 2)
        night.stage(
            *[order(person, number, chance) for person, number in new],
            *[order(person, number, chance) for person, number in again if (person, number) not in new],
        )
        if nth % 4 != 3:
            send(night, LOST if nth % 4 == 1 else RECEIVED)
        night.stage(*[bought(f"{person}-{number}", chance.choice(people)) for person, number in handed])
        access_log.record_access(night.ledger, "asked", subject(new[0][0]), "1")
        suppressions.add(night.ledger, (subject(f"objector {nth}"),), None)
        correct(night, new[1][0], chance.choice(people))


def order(person: str, number: int, chance: random.Random) -> Sighting:
    if chance.random() < 0.15:
        return sighting(f"{person}-{number}", against(Reason.NO_PRODUCT), subject=subject(person))
    return bought(f"{person}-{number}", person, chance.randint(1, 60))


def correct(night: Night, wrong: str, right: str) -> None:
    with night.ledger.transaction() as connection:
        sales = own_sales(connection, (subject(wrong),))
    if wrong != right:
        rectification.rectify(night.ledger, (subject(wrong),), (subject(right),), sales[:1], "2")


_RECTIFIED = select(tables.rectified_order.c.sale, tables.rectification.c.corrected).join(
    tables.rectification, tables.rectification.c.id == tables.rectified_order.c.rectification
)
"""Sales with the buyers whose they are: to erase these erases what went out under a wrong address, too."""


def test_no_file_holds_anything_of_the_erased_and_the_others_stay(night: Night) -> None:
    chance = random.Random(20261130)
    people = [f"buyer {i}" for i in range(ERASURES * 3 // 2)]
    fill(night, people, chance)
    before = {event.id: event for event in stored.events(night.path)}
    right_buyers = dict(tuple(row) for row in night.all(_RECTIFIED))
    erased, at = chance.sample(people, ERASURES), 0
    everything = []
    while at < len(erased):
        group = erased[at : at + chance.choice((1, 1, 1, 4))]
        gone = held(night.path, *map(subject, group))
        everything.append(gone)
        erase(night, *group)
        assert left(night.path, gone) == []
        at += len(group)
    pieces = sorted({piece for gone in everything for piece in gone.pieces})
    subjects = {subject(person) for person in erased}
    assert left(night.path, Held(frozenset(chance.sample(pieces, min(len(pieces), 1000))), frozenset(subjects))) == []
    for event in stored.events(night.path):
        was = before[event.id]
        if was.subject in subjects or right_buyers.get(event.id >> 14) in subjects:
            assert (event.body, event.subject) == (None, None)
        else:
            assert event == was
            assert was.body is None or any(digest(person).encode() in was.body for person in people)
    assert_committed(night)


def test_of_two_buyers_of_one_order_the_other_ones_event_stays(night: Night) -> None:
    night.stage(bought("1", "ida"))
    for name in ("google", "meta"):
        settle(night.ledger, night.run, night.intend(night.outbox(name)), UNSENT)
    night.stage(bought("1", "asta"))
    first, second = (event for event in stored.events(night.path) if event.delivery & 63 == 1)
    assert (first.subject, second.subject) == (subject("ida"), subject("asta"))
    gone = held(night.path, subject("ida"))
    erase(night, "ida")
    assert left(night.path, gone) == []
    now, same = (event for event in stored.events(night.path) if event.delivery & 63 == 1)
    assert (now.body, now.subject, same) == (None, None, second)
    assert_committed(night)


def test_a_reader_in_the_way_leaves_the_erasure_open_until_a_later_run_scrubs(night: Night) -> None:
    night.ledger.connection.exec_driver_sql("PRAGMA busy_timeout=10")
    night.ledger.connection.commit()
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    gone = held(night.path, subject("ida"))
    with another_look(night.path) as connection:
        connection.execute(select(tables.event)).fetchone()
        erased = erasure.erase_person(night.ledger, (subject("ida"),), "case 1")
        assert erased.traces
        assert not scrub(night.ledger, [erased.traces])
        assert left(night.path, gone)
        with night.ledger.transaction() as own:
            assert [one.why for one in open_scrubs(own)] == ["erasure"]
    assert scrub(night.ledger)
    with night.ledger.transaction() as own:
        assert open_scrubs(own) == []
    assert left(night.path, gone) == []


def test_a_kill_before_the_scrub_leaves_it_to_the_next_run(night: Night) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    gone = held(night.path, subject("ida"))
    erasure.erase_person(night.ledger, (subject("ida"),), "case 1")
    assert scrub(night.ledger)
    assert left(night.path, gone) == []
    assert scrub(night.ledger)


def test_the_whole_file_is_not_rewritten_where_nothing_is_left(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.stage(*[bought(f"{i}", f"buyer {i}") for i in range(20)])
    send(night)

    def never(_: Remnants) -> None:
        raise AssertionError

    monkeypatch.setattr(Remnants, "rewrite", never)
    monkeypatch.setattr(Remnants, "rebuild_indexes", never)
    erase(night, "buyer 3")


@pytest.mark.parametrize("table", ["sale", "ix_sale_person"])
def test_a_copy_in_free_space_is_found_and_goes(night: Night, table: str) -> None:
    night.stage(bought("1", "ida"), bought("2", "asta"))
    send(night)
    night.ledger.connection.commit()
    driver = night.ledger.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = night.one(text(f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"))[0]
    plant(night, page, subject("ida"))
    gone = held(night.path, subject("ida"))
    erase(night, "ida")
    assert left(night.path, gone) == []
    assert_committed(night)


def plant(night: Night, page: int, value: bytes) -> None:
    """In the free space of a page, as SQLite leaves it there."""
    driver = night.ledger.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    with night.path.open("r+b") as file:
        start = (page - 1) * 4096
        file.seek(start)
        header = file.read(8)
        cells, content = int.from_bytes(header[3:5], "big"), int.from_bytes(header[5:7], "big")
        at = start + 8 + 2 * cells + 40
        assert at + len(value) < start + content
        file.seek(at)
        file.write(value)
    driver.execute("PRAGMA shrink_memory")
