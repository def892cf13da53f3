"""What became of a request: written once for each batch that it has as a whole, else order by order."""

import pytest
from sqlalchemy import func, select, update

from conversions.ledger import outbox
from conversions.ledger.schema import tables
from conversions.ledger.standing import make_exceptions, set_late_state
from conversions.ledger.states import State
from conversions.model.conversion import Reason
from tests.ledger.builders import RECEIVED, Night, orders


def exceptions(night: Night) -> int:
    return int(night.one(select(func.count()).select_from(tables.exception))[0])


def test_a_whole_batch_needs_no_row_of_an_order(night: Night) -> None:
    night.stage(*orders(5))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), RECEIVED)

    assert set(night.states().values()) == {"received"}
    assert exceptions(night) == 0


@pytest.mark.parametrize(("taken", "own"), [(1, 1), (2, 2), (3, 2), (4, 1)])
def test_of_a_divided_batch_the_fewer_orders_get_exceptions(night: Night, taken: int, own: int) -> None:
    night.stage(*orders(5))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox(max_events=taken)), RECEIVED)

    assert sorted(night.states().values()) == ["pending"] * (5 - taken) + ["received"] * taken
    assert exceptions(night) == own


def test_a_late_result_replaces_what_was_suspected_of_the_request(night: Night) -> None:
    night.stage(*orders(1))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), RECEIVED)
    key = night.held("A-0").id
    with night.ledger.transaction() as connection:
        make_exceptions(connection, [key])
        connection.execute(update(tables.exception).values(reason=Reason.SETUP, detail="NO_CONSENT"))
        set_late_state(connection, [key], State.RECORDED)

    row = night.held("A-0")
    assert (row.state, row.reason, row.detail) == ("recorded", None, None)
