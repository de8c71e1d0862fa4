"""The preview of groups says what the worker does then, and does nothing itself."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, User
from provisioning import group_preview
from provisioning.models import App, PushedGroup, PushedMember, Trigger
from provisioning.plan import Feature
from tests.conftest import person
from tests.provisioning.test_group_guard import everybody, leave, zoom
from tests.provisioning.test_groups import people_in, pushed, told
from tests.support.commands import give, given
from tests.support.faulty import FaultyScim

# The application that gets Sales as a group, with eight people in it.
__all__ = ["everybody", "zoom"]
Push = Callable[[], None]


def previewed() -> tuple[dict[str, int], list[dict[str, object]]]:
    (found,) = given("preview", "Zoom")
    return found["group_counts"], found["groups"]


def test_people_who_come_and_go_are_counted_as_the_worker_does_it_then(
    zoom: App, everybody: list[User], sales: Group, bob: User, faulty: FaultyScim, push: Push
) -> None:
    leave(everybody[:2], sales)
    Group.objects.get(name="Staff").users.add(bob)
    push()
    leave(everybody[2:3], sales)
    zoom.guard_count = 9
    zoom.save()
    sales.users.add(bob)
    before = faulty.requests.copy()
    rows = list(PushedMember.objects.order_by("pk").values())
    counts, (group,) = previewed()
    assert counts == {"remove_member": 1}
    assert (group["group"], group["added"], group["taken_out"]) == ("Sales", 1, 1)
    assert (
        group["message"] == "1 person would be added to it and 1 person would be taken out of it."
    )
    assert "Sales: 1 person would be added to it" in give("preview", "Zoom")[1]
    assert faulty.requests == before
    assert list(PushedMember.objects.order_by("pk").values()) == rows
    push()
    assert told(zoom)[-2:] == [
        ("remove_member", "done", everybody[2].username),
        ("add_member", "done", bob.username),
    ]
    assert previewed() == ({}, [])


def test_a_new_group_a_new_name_and_one_that_ends_are_told(
    zoom: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    zoom.chosen_groups.add(Group.objects.create(name="Support"))
    sales.name = "Sellers"
    sales.save()
    _, groups = previewed()
    told_of = {str(each["group"]): str(each["message"]) for each in groups}
    assert told_of["Support"].startswith("A group “Support” would be created in Zoom")
    assert told_of["Sellers"].startswith("The group “Sellers” would be changed in Zoom: ")
    push()
    zoom.guard_count = 9
    zoom.save()
    zoom.chosen_groups.remove(sales)
    _, (group,) = previewed()
    assert (group["operation"], group["message"]) == (
        "delete_group",
        "The group “Sellers” would be deleted in Zoom.",
    )
    push()
    assert people_in(faulty, "Support") == []
    assert [each["displayName"] for each in faulty.groups.stored.values()] == ["Support"]


def test_too_many_would_wait_for_a_decision_and_then_do(
    zoom: App, everybody: list[User], sales: Group, push: Push
) -> None:
    leave(everybody[:5], sales)
    counts, (group,) = previewed()
    assert counts == {"held": 1}
    assert "It waits under Holds until somebody decides" in str(group["message"])
    assert give("preview", "Zoom")[0] == 3
    push()
    assert pushed(zoom).guard == "held"


@pytest.mark.parametrize(
    ("feature", "kind"), [(Feature.GROUP_MEMBERS, "switched_off"), (None, "add_member")]
)
def test_what_a_feature_stands_in_the_way_of_is_told(
    zoom: App, sales: Group, bob: User, push: Push, feature: Feature | None, kind: str
) -> None:
    Group.objects.get(name="Staff").users.add(bob)
    push()
    zoom.features = [each for each in zoom.features if each != feature]
    zoom.save()
    sales.users.add(bob)
    counts, (group,) = previewed()
    assert counts == {kind: 1}
    assert ("is switched off" in str(group["message"])) == (feature is not None)


def test_of_one_person_nothing_is_said_about_groups(zoom: App, everybody: list[User]) -> None:
    (found,) = given("preview", "Zoom", "--person", everybody[0].username)
    assert "groups" not in found


def test_many_groups_cost_as_many_queries_as_few(zoom: App, push: Push) -> None:
    counts = []
    for number in (3, 30):
        groups = [Group.objects.create(name=f"{number}-{each}") for each in range(number)]
        people = [person(f"{number}-{each}") for each in range(3)]
        for group in groups:
            group.users.add(*people)
        zoom.chosen_groups.add(*groups)
        PushedGroup.objects.update(trigger=Trigger.MANUAL)
        with CaptureQueriesContext(connection) as queries:
            assert (
                group_preview.summary(zoom, group_preview.due(zoom), rows=50).counts.total()
                >= number
            )
        counts.append(len(queries))
    assert counts[0] == counts[1]
