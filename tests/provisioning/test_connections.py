"""What the connectors of one app share, and what a saved app changes."""

from provisioning import connections
from provisioning.models import App


def test_all_connectors_of_an_app_keep_one_pace(app: App) -> None:
    lane = connections.for_lane(app, before_write=lambda: None)
    comparison = connections.connector(app)
    assert comparison.pace is lane.pace
    assert comparison.pace.rate == 1000


def test_another_limit_is_another_pace(app: App) -> None:
    before = connections.connector(app).pace
    app.requests_per_second = 7
    app.save()
    assert connections.connector(app).pace.rate == 7
    assert connections.connector(app).pace is not before


def test_the_connector_of_a_lane_stays_open_until_the_app_is_saved(app: App) -> None:
    kept = connections.for_lane(app, before_write=lambda: None)
    assert connections.for_lane(app, before_write=lambda: None) is kept
    app.save()
    assert connections.for_lane(app, before_write=lambda: None) is not kept
