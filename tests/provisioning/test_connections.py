"""What the connectors of one app share, and what a saved app changes."""

from typing import cast

import pytest

from provisioning import connections
from provisioning.connectors.scim import Scim
from provisioning.models import App
from tests.support.faulty import FaultyScim


def test_all_connectors_of_an_app_keep_one_pace(app: App) -> None:
    lane = connections.for_lane(app, before_write=lambda: None)
    comparison = connections.connector(app)
    assert comparison.pace is lane.pace


def test_another_limit_is_another_pace(app: App) -> None:
    before = connections.connector(app).pace
    app.requests_per_second = 7
    app.save()
    assert connections.connector(app).pace.rate == 7
    assert connections.connector(app).pace is not before


def test_the_connector_of_a_lane_stays_open_until_the_app_is_saved(app: App) -> None:
    def session() -> object:
        return cast(Scim, connections.for_lane(app, before_write=lambda: None))._session

    kept = session()
    assert session() is kept
    app.save()
    assert session() is not kept


def test_who_lost_the_lane_is_refused_after_another_thread_has_got_it(
    faulty_app: App, faulty: FaultyScim
) -> None:
    def lost() -> None:
        raise TimeoutError("the lease is over")

    former = connections.for_lane(faulty_app, before_write=lost)
    connections.for_lane(faulty_app, before_write=lambda: None)
    with pytest.raises(TimeoutError):
        former.delete("1")
    assert faulty.requests == []
