"""The contents of a batch come back as they were packed, position by position."""

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.ledger.batches import contents
from conversions.ledger.batches.contents import BlobRow, Contents
from conversions.ledger.batches.form import Form
from conversions.ledger.schema.tables import MAX_POSITIONS
from conversions.model.conversion import Money

BODIES = st.binary(min_size=1, max_size=200).filter(lambda body: not body.startswith(b"\0"))
"""An event is JSON, which never begins with a zero."""
MONEY = st.builds(Money, st.integers(0, 10**15), st.sampled_from(["DKK", "EUR", "JPY", "XXX"]), st.integers(0, 4))


@st.composite
def batches(draw: st.DrawFn, *, erased: bool = True) -> Contents:
    """The contents of any batch, some of it erased."""
    kept = st.none() | BODIES if erased else BODIES
    form, bodies = draw(st.sampled_from(Form)), draw(st.lists(kept, min_size=1, max_size=30))
    sizes = [draw(st.integers(1, 200)) if body is None else len(body) for body in bodies]
    return Contents(
        form,
        [draw(st.integers(1, (1 << 62) - 1)) for _ in bodies],
        [draw(MONEY) for _ in bodies],
        bodies,
        [draw(_salts(form, body)) for body in bodies],
        sizes,
    )


def _salts(form: Form, body: bytes | None) -> st.SearchStrategy[bytes]:
    size = form.room(erased=body is None)
    return st.binary(min_size=size, max_size=size)


@given(batches())
def test_contents_come_back(packed: Contents) -> None:
    assert contents.unpack(BlobRow(**packed.columns())) == packed


@given(batches(), st.integers(0, 50))
def test_zeros_after_what_is_compressed_change_nothing(packed: Contents, zeros: int) -> None:
    columns = packed.columns()
    padded = {name: columns[name] and columns[name].ljust(zeros, b"\0") for name in ("amounts", "bytes")}

    assert contents.unpack(BlobRow(**columns | padded)) == packed


@given(batches(erased=False), st.data())
def test_an_erased_event_takes_the_room_that_it_had_and_no_other_changes(packed: Contents, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(packed.bodies) - 1)))
    left = [None if position in gone else body for position, body in enumerate(packed.bodies)]

    assert contents.unpack(BlobRow(**replace(packed, bodies=left).columns())).bodies == left


def test_of_a_batch_that_is_all_erased_no_bytes_are_kept() -> None:
    packed = Contents(Form.LINKED, [1, 2], [Money(0, "DKK", 2)] * 2, [None, None], [bytes(32)] * 2, [3, 5])

    assert packed.joined() is None
    assert contents.split(None, [3, 5]) == [None, None]


@given(batches(erased=False))
def test_bytes_that_are_cut_give_no_event_another_events_bytes(packed: Contents) -> None:
    whole = packed.joined()
    assert whole is not None
    try:
        bodies = contents.split(whole[: len(whole) // 2], packed.sizes)
    except zlib.error:
        return
    for found, body in zip(bodies, packed.bodies, strict=True):
        assert found is None or (body is not None and body.startswith(found))


@given(st.integers(1, 1 << 40), st.integers(0, MAX_POSITIONS - 1))
def test_a_place_is_its_batch_and_its_position(batch: int, position: int) -> None:
    at = contents.place(batch, position)

    assert (contents.batch_of(at), contents.position_of(at)) == (batch, position)
    assert contents.place(batch, MAX_POSITIONS - 1) < contents.place(batch + 1, 0)


def test_neither_bytes_nor_salts_are_in_a_repr() -> None:
    packed = Contents(Form.LINKED, [1], [Money(1, "DKK", 2)], [b"a digest"], [b"a salt".ljust(32)], [8])

    assert "digest" not in repr(packed)
    assert "salt" not in repr(packed)


@pytest.mark.parametrize("form", Form)
def test_the_room_of_the_salts_holds_the_commitments(form: Form) -> None:
    assert form.room(erased=True) == {Form.BYTES: 64, Form.LINKED: 32, Form.SEEDED: 32}[form]
    assert form.room(erased=False) == {Form.BYTES: 64, Form.LINKED: 32, Form.SEEDED: 16}[form]
