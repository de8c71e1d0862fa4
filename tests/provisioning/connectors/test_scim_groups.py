"""What the SCIM connector does with groups, and what it makes of the answers."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioning.connectors.base import RemoteGroup
from provisioning.connectors.scim import Scim
from provisioning.errors import AlreadyExists, ConnectorError, NotFound, Rejected, Unavailable
from provisioning.plan import Change
from provisioning.scim import dialect
from tests.provisioning.connectors.calls import EXTERNAL, answering, connected
from tests.support.faulty import FaultyScim, answer, effect_then, html, lose_answer, pages
from tests.support.servers import Reply
from tests.support.target import Target

SALES = {"displayName": "Sales"}
RENAME = [Change("displayName", "Sales", "Sellers")]


def find(scim: Scim, *, made_by_us: bool = False) -> Any:
    return scim.find_group(SALES, external_id=EXTERNAL, made_by_us=made_by_us)


def create(scim: Scim) -> RemoteGroup:
    return scim.create_group(SALES, external_id=EXTERNAL)


def rename(scim: Scim, remote_id: str = "7") -> None:
    scim.update_group(remote_id, RENAME, held={"displayName"})


def learned(scim: Scim) -> dict[str, str]:
    return {lesson.flag: lesson.value for lesson in scim.lessons}


def operations(faulty: FaultyScim) -> list[Any]:
    """Those of every PATCH so far."""
    sent = [json.loads(each.body) for each in faulty.requests if each.method == "PATCH"]
    return [operation for body in sent for operation in body["Operations"]]


# ------------------------------------------------------------------------------ the whole way


def test_a_group_comes_is_filled_renamed_emptied_and_goes(target: Target) -> None:
    people = [target.add(f"p{number}@example.org")["id"] for number in range(3)]
    scim = connected(target.base_url, target.token)
    assert find(scim) == []
    made = create(scim)
    for by_us in (True, False):
        (hit,) = find(scim, made_by_us=by_us)
        assert (hit.remote_id, hit.external_id) == (made.remote_id, EXTERNAL)
    assert scim.get_group(made.remote_id, SALES).members == frozenset()
    scim.add_members(made.remote_id, people)
    scim.add_members(made.remote_id, people[:1])
    scim.remove_members(made.remote_id, people[1:])
    scim.remove_members(made.remote_id, people[1:])
    rename(scim, made.remote_id)
    held = scim.get_group(made.remote_id, {"displayName"})
    assert held == RemoteGroup(
        made.remote_id, {"displayName": "Sellers"}, EXTERNAL, frozenset(people[:1])
    )
    assert [scim.has_member(made.remote_id, each) for each in people] == [True, False, False]
    scim.delete_group(made.remote_id)
    scim.delete_group(made.remote_id)
    with pytest.raises(NotFound, match="does not know this group"):
        scim.get_group(made.remote_id, SALES)
    scim.close()


def test_a_group_of_an_application_without_patch_is_changed_as_a_whole(target: Target) -> None:
    people = [target.add(f"p{number}@example.org")["id"] for number in range(3)]
    known = {"group_update": "put", "member_addition": "put", "member_removal": "put"}
    scim = connected(target.base_url, target.token).asking(lambda: None, learned=known)
    made = create(scim)
    scim.add_members(made.remote_id, people)
    scim.remove_members(made.remote_id, people[:1])
    rename(scim, made.remote_id)
    held = scim.get_group(made.remote_id, SALES)
    assert (held.values, held.external_id) == ({"displayName": "Sellers"}, EXTERNAL)
    assert held.members == frozenset(people[1:])
    scim.close()


# ------------------------------------------------------------------------------ what is sent


def test_a_new_group_has_its_name_our_id_and_nobody_in_it(scim: Scim, faulty: FaultyScim) -> None:
    made = create(scim)
    (request,) = faulty.requests
    assert json.loads(request.body) == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "externalId": EXTERNAL,
        "displayName": "Sales",
    }
    assert made.remote_id == faulty.groups.named("Sales")["id"]


@pytest.mark.parametrize("name", ['x" or displayName pr or "', "a\\", "a+b&c=d#e@x", "Zoë/é"])
def test_a_name_cannot_change_the_question(scim: Scim, faulty: FaultyScim, name: str) -> None:
    there = faulty.groups.add(name)
    faulty.groups.add("Innocent")
    (hit,) = scim.find_group({"displayName": name}, external_id=EXTERNAL, made_by_us=False)
    assert hit.remote_id == there["id"]
    query = parse_qs(urlsplit(faulty.requests[0].path).query)
    assert json.loads(query["filter"][0].removeprefix("displayName eq ")) == name
    assert query["excludedAttributes"] == ["members"]


def test_one_more_member_of_many_is_one_small_request(
    scim: Scim, faulty: FaultyScim, people: list[str]
) -> None:
    """bad-input-68"""
    there = faulty.groups.add("All", *(f"{number:032}" for number in range(5_000)))
    scim.add_members(there["id"], people[:1])
    scim.remove_members(there["id"], people[:1])
    assert faulty.journal == ["PATCH /Groups/…"] * 2
    assert max(faulty.sizes) < 1_000
    assert operations(faulty) == [
        {"op": "add", "path": "members", "value": [{"value": people[0]}]},
        {"op": "remove", "path": f'members[value eq "{people[0]}"]'},
    ]


def test_an_id_of_a_member_cannot_choose_others(scim: Scim, faulty: FaultyScim, team: str) -> None:
    scim.remove_members(team, ['x" or value pr or value eq "'])
    assert len(faulty.groups.members("Sales")) == 3


GROUP_WRITES: dict[str, Callable[[Scim], object]] = {
    "create": create,
    "rename": rename,
    "delete": lambda scim: scim.delete_group("7"),
    "add": lambda scim: scim.add_members("7", ["1"]),
    "remove": lambda scim: scim.remove_members("7", ["1"]),
}
writes = pytest.mark.parametrize("write", GROUP_WRITES.values(), ids=GROUP_WRITES)


@writes
def test_right_before_a_write_the_owner_of_the_lane_is_asked(
    write: Callable[[Scim], object],
) -> None:
    def lost() -> None:
        raise TimeoutError("the lease is over")

    with answering(Reply(204)) as (scim, server), pytest.raises(TimeoutError):
        write(scim.asking(lost))
    assert server.requests == []


# ------------------------------------------------------------------------------ what is shown


def test_the_answer_to_a_change_shows_the_group_where_it_does(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    assert scim.add_members(team, people[3:]) is None
    faulty.groups.shows_changes = True
    shown = scim.remove_members(team, people[1:])
    assert shown == RemoteGroup(team, {}, EXTERNAL, frozenset(people[:1]))
    faulty.groups.hides_members = True
    assert scim.add_members(team, people[1:]) is None


def test_an_empty_list_in_an_answer_is_believed_where_members_are_shown(
    scim: Scim, faulty: FaultyScim, people: list[str]
) -> None:
    there = faulty.groups.add("Sales", people[0])["id"]
    emptied = answer(200, {"id": there, "displayName": "Sales", "members": []})
    faulty.on("PATCH", emptied)
    assert scim.remove_members(there, people[:1]) is None
    assert scim.get_group(there, ()).members
    assert scim.remove_members(there, people[:1]) == RemoteGroup(there, {}, "", frozenset())


@pytest.mark.parametrize("described", [True, False])
def test_an_empty_group_is_told_from_one_whose_members_are_hidden(
    scim: Scim, faulty: FaultyScim, people: list[str], described: bool
) -> None:
    faulty.groups.described = described
    empty = create(scim).remote_id
    for _ in range(2):
        assert scim.get_group(empty, ()).members == (frozenset() if described else None)
    assert faulty.journal.count("GET /Schemas/urn:ietf:params:scim:schemas:core:2.0:Group") == 1
    assert learned(scim) == {"members_shown": "yes" if described else "no"}
    # One that is shown with somebody proves it.
    full = faulty.groups.add("Full", people[0])["id"]
    assert scim.get_group(full, ()).members == {people[0]}
    assert scim.get_group(empty, ()).members == frozenset()


def test_what_a_server_does_not_show_is_not_known(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.hides_members = True
    assert scim.get_group(team, ()).members is None
    assert scim.has_member(team, people[0]) is None


def test_a_change_without_effect_is_seen_by_looking(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.without_effect = True
    assert scim.add_members(team, people[3:]) is None
    assert scim.has_member(team, people[3]) is False
    assert scim.get_group(team, ()).members == set(people[:3])


def test_a_group_within_a_group_is_no_member_and_stays(
    scim: Scim, faulty: FaultyScim, people: list[str]
) -> None:
    nested = {"value": "g", "type": "Group", "$ref": None}
    there = faulty.groups.add("Sales", people[0])
    there["members"].append(nested)
    assert scim.get_group(there["id"], ()).members == {people[0]}
    faulty.groups.refuses_patch = 501
    scim.remove_members(there["id"], people[:1])
    assert faulty.groups.named("Sales")["members"] == [{"value": "g", "type": "Group"}]


# ----------------------------------------------------------------------------- other forms


@pytest.mark.parametrize(
    ("switches", "form"),
    [({"refuses_chosen": 501}, "patch_whole"), ({"refuses_patch": 501}, "put")],
    ids=["path", "patch"],
)
def test_a_group_is_renamed_in_the_form_that_is_taken(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, switches: Any, form: str
) -> None:
    refusal = answer(501, {"detail": "No paths."})
    faulty.on("PATCH", refusal, about='"path"' if form == "patch_whole" else "")
    rename(scim, team)
    assert learned(scim)["group_update"] == form
    assert faulty.groups.members("Sellers") == set(people[:3])
    assert faulty.groups.named("Sellers")["externalId"] == EXTERNAL


@pytest.mark.parametrize(
    ("switches", "form"),
    [
        ({"refuses_lists": 501}, "pathless"),
        ({"refuses_lists": 400, "refuses_pathless": 400}, "put"),
        ({"refuses_patch": 501}, "put"),
    ],
    ids=["pathless", "no form", "no PATCH"],
)
def test_members_are_added_in_the_form_that_is_taken(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, switches: Any, form: str
) -> None:
    vars(faulty.groups).update(switches)
    scim.add_members(team, people[2:])
    assert faulty.groups.members("Sales") == set(people)
    assert learned(scim)["member_addition"] == form
    sent = len(faulty.writes)
    scim.add_members(team, people[:1])
    assert len(faulty.writes) == sent + 1


@pytest.mark.parametrize(
    ("switches", "form"),
    [
        ({"refuses_chosen": 501}, "list"),
        ({"refuses_chosen": 400}, "list"),
        ({"refuses_chosen": 400, "refuses_lists": 400}, "named_list"),
        ({"refuses_patch": 501}, "put"),
    ],
    ids=["501", "400", "named list", "put"],
)
def test_members_are_removed_in_the_form_that_is_taken(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, switches: Any, form: str
) -> None:
    vars(faulty.groups).update(switches)
    scim.remove_members(team, people[1:3])
    assert faulty.groups.members("Sales") == {people[0]}
    assert learned(scim)["member_removal"] == form
    sent = len(faulty.writes)
    scim.remove_members(team, people[:1])
    assert len(faulty.writes) == sent + 1
    assert faulty.groups.members("Sales") == set()


def test_a_list_that_empties_the_group_is_told_mended_and_never_used_again(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.refuses_chosen = 501
    faulty.groups.lists_empty = True
    with pytest.raises(Rejected, match=r"took 2 others out as well\. Gatehouse put them back") as e:
        scim.remove_members(team, people[:1])
    assert "It is not asked in this way again" in str(e.value)
    assert faulty.groups.members("Sales") == set(people[1:3])
    assert learned(scim)["spares.member_removal.list"] == "no"
    assert "it took out 2 others" in scim.lessons[-1].evidence
    later = scim.asking(lambda: None, learned=scim.learned)
    faulty.requests.clear()
    later.remove_members(team, people[1:2])
    assert faulty.groups.members("Sales") == {people[2]}
    lists = [each for each in operations(faulty) if each.get("path") == "members"]
    assert (lists, faulty.writes[-1]) == ([], "PUT /Groups/…")


def test_what_cannot_be_put_back_is_named(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.refuses_chosen = 501
    faulty.groups.lists_empty = True
    faulty.on("PATCH", answer(503), about='"add"')
    with pytest.raises(Rejected, match="could not put all of them back") as caught:
        scim.remove_members(team, people[:1])
    assert all(person in str(caught.value) for person in people[1:3])


def test_whoever_was_in_a_group_is_put_back_where_nobody_saw_what_a_list_did(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.refuses_chosen = 501
    faulty.groups.lists_empty = True

    def away_once_the_group_is_empty(serve: Callable[[], Reply]) -> Reply:
        return serve() if faulty.groups.members("Sales") else Reply(503)

    faulty.on("GET", away_once_the_group_is_empty)
    with pytest.raises(Unavailable):
        scim.remove_members(team, people[:1])
    assert faulty.groups.members("Sales") == set(people[1:3])


def test_a_list_is_not_tried_where_nobody_could_see_what_it_does(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.refuses_chosen = 501
    faulty.groups.hides_members = True
    with pytest.raises(Rejected, match="does not show who"):
        scim.remove_members(team, people[:1])
    assert faulty.groups.members("Sales") == set(people[:3])
    assert faulty.writes == ["PATCH /Groups/…"]


@pytest.mark.parametrize("change", ["add", "remove", "rename"])
def test_a_group_whose_members_are_hidden_is_never_replaced(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, change: str
) -> None:
    faulty.groups.refuses_patch = 501
    faulty.groups.hides_members = True
    with pytest.raises(Rejected, match="left the group as it is, so that nobody is lost"):
        {
            "add": lambda: scim.add_members(team, people[3:]),
            "remove": lambda: scim.remove_members(team, people[:1]),
            "rename": lambda: rename(scim, team),
        }[change]()
    assert "PUT /Groups/…" not in faulty.journal
    assert faulty.groups.members("Sales") == set(people[:3])


# ------------------------------------------------------------------------- who is in already


@pytest.mark.parametrize("status", [204, 400, 404])
def test_removing_who_is_not_in_the_group_is_a_success(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, status: int
) -> None:
    faulty.groups.strict_removal = 0 if status == 204 else status
    scim.remove_members(team, people[1:])
    assert faulty.groups.members("Sales") == {people[0]}
    assert "member_removal" not in learned(scim)


def test_a_member_that_is_said_not_to_be_in_is_looked_for(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.on("PATCH", answer(400, {"scimType": "noTarget"}), about="members[")
    scim.remove_members(team, people[:1])
    assert faulty.groups.members("Sales") == set(people[1:3])
    assert learned(scim)["member_removal"] == "list"


def test_an_account_that_is_gone_is_removed_from_nothing(
    scim: Scim, faulty: FaultyScim, team: str
) -> None:
    faulty.on("PATCH", answer(400, {"detail": "No such user."}))
    assert scim.remove_members(team, ["gone"]) is None


def test_adding_who_is_in_already_is_a_success(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str
) -> None:
    faulty.groups.known_member = 409
    scim.add_members(team, people[:1])
    with pytest.raises(Rejected):
        scim.add_members(team, people[2:])
    assert faulty.groups.members("Sales") == set(people[:3])


# --------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_account_sinks_its_batch_and_not_the_group(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, status: int
) -> None:
    faulty.groups.unknown_member = status
    with pytest.raises(Rejected):
        scim.add_members(team, [*people, "unknown"])
    assert faulty.groups.members("Sales") == set(people[:3])
    assert learned(scim) == {}


@pytest.mark.parametrize("change", ["add", "remove", "rename"])
def test_404_means_the_group_only_if_the_group_is_gone(scim: Scim, change: str) -> None:
    with pytest.raises(NotFound, match="does not know this group"):
        {
            "add": lambda: scim.add_members("gone", ["1"]),
            "remove": lambda: scim.remove_members("gone", ["1", "2"]),
            "rename": lambda: rename(scim, "gone"),
        }[change]()


@pytest.mark.parametrize("too_many", [413, 400])
def test_fewer_members_are_sent_at_once_where_so_many_are_refused(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, too_many: int
) -> None:
    """bad-input-48"""
    faulty.groups.most_members, faulty.groups.too_many = 2, too_many
    assert scim.members_at_once == 100
    with pytest.raises(Rejected, match="Too many members"):
        scim.add_members(team, people)
    assert learned(scim) == {"members_at_once": "2"}
    assert "It refused 5 members in one request" in scim.lessons[0].evidence
    assert scim.members_at_once == 2
    with pytest.raises(Rejected, match="Too many members"):
        scim.remove_members(team, people)
    faulty.groups.most_members = 0
    with pytest.raises(Rejected):
        scim.add_members(team, people[:1])
    assert scim.members_at_once == 2


@pytest.mark.parametrize("conflict_type", ["uniqueness", ""])
def test_a_name_that_is_taken_is_another_group(
    scim: Scim, faulty: FaultyScim, team: str, conflict_type: str
) -> None:
    faulty.groups.conflict_type = conflict_type
    faulty.groups.add("Sellers")
    for call in (create, lambda scim: rename(scim, team)):
        with pytest.raises(AlreadyExists, match="another group already has this name"):
            call(scim)


@pytest.mark.parametrize("status", [404, 501])
def test_an_application_without_groups_says_so_and_its_people_go_on(
    scim: Scim, faulty: FaultyScim, status: int
) -> None:
    faulty.groups.missing = status
    for call in (find, create):
        with pytest.raises(Rejected, match="has no groups .* Switch the features for groups off"):
            call(scim)
    assert scim.check()


@pytest.mark.parametrize(
    "fault",
    [answer(429), answer(503), lose_answer, effect_then(*html(200))],
    ids=["429", "503", "lost", "page"],
)
@pytest.mark.parametrize("change", ["add", "remove", "rename"])
def test_a_lost_answer_never_leads_to_another_form(
    scim: Scim, faulty: FaultyScim, people: list[str], team: str, fault: Any, change: str
) -> None:
    faulty.on("PATCH", fault)
    with pytest.raises(Unavailable):
        {
            "add": lambda: scim.add_members(team, people[3:]),
            "remove": lambda: scim.remove_members(team, people[:2]),
            "rename": lambda: rename(scim, team),
        }[change]()
    assert faulty.journal == ["PATCH /Groups/…"]
    assert scim.lessons == []


# ------------------------------------------------------------------------------------ search


@pytest.mark.parametrize("switches", [{"ignores_filter": True}, {"refuses_filter": 501}], ids=str)
def test_without_a_search_the_list_of_all_groups_says_which_there_are(
    scim: Scim, faulty: FaultyScim, team: str, switches: Any
) -> None:
    for number in range(5):
        faulty.groups.add(f"Group {number}")
    faulty.paging = pages(most=2)
    vars(faulty.groups).update(switches)
    (hit,) = find(scim)
    assert (hit.remote_id, hit.values) == (team, {"displayName": "Sales"})
    assert learned(scim) == {"group_search.displayName": "listing"}
    asked = len(faulty.requests)
    absent = scim.find_group({"displayName": "None"}, external_id="x", made_by_us=False)
    assert (absent, len(faulty.requests)) == ([], asked)


def test_a_group_that_was_just_made_is_in_the_list(scim: Scim, faulty: FaultyScim) -> None:
    faulty.groups.refuses_filter = 501
    assert find(scim) == []
    made = create(scim)
    assert [hit.remote_id for hit in find(scim)] == [made.remote_id]


def test_a_list_with_gaps_does_not_say_which_groups_are_absent(
    scim: Scim, faulty: FaultyScim
) -> None:
    faulty.groups.refuses_filter = 501
    faulty.groups.add("Other")
    faulty.paging = lambda found, start, count: {
        "totalResults": 7,
        "Resources": pages()(found, start, count)["Resources"],
    }
    with pytest.raises(Rejected, match="speaks of 7 groups and listed 1"):
        find(scim)


def test_a_group_that_the_search_does_not_show_is_found_in_the_list(
    scim: Scim, faulty: FaultyScim, team: str
) -> None:
    faulty.on("GET", answer(200, {"totalResults": 0}), about="filter=")
    assert find(scim) == []
    (hit,) = scim.look_through_groups(SALES, external_id=EXTERNAL)
    assert hit.remote_id == team


def test_two_groups_of_one_name_are_both_found(scim: Scim, faulty: FaultyScim, team: str) -> None:
    faulty.groups.unique = False
    other = faulty.groups.add("SALES")["id"]
    assert {hit.remote_id for hit in find(scim)} == {team, other}


# --------------------------------------------------------------------------------- the rest


def test_what_an_application_says_of_itself_holds_for_its_groups(
    scim: Scim, faulty: FaultyScim
) -> None:
    told = {"patch": {"supported": False}, "filter": {"supported": False}}
    faulty.on("GET", answer(200, told), about="/ServiceProviderConfig")
    found = {lesson.flag: lesson.value for lesson in scim.discover()}
    assert {found[flag] for flag in ("group_update", "member_addition", "member_removal")} == {
        "put"
    }
    assert found["group_search.displayName"] == found["group_search.externalId"] == "listing"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *(("group_update", form) for form in dialect.Update),
        *(("group_search.displayName", form) for form in dialect.Search),
        *(("member_addition", form) for form in dialect.Groups().additions),
        *(("member_removal", form) for form in dialect.Groups().removals),
        *(("members_shown", value) for value in ("yes", "no")),
        *(("spares.member_removal.list", value) for value in ("yes", "no")),
        ("spares.member_removal.named_list", "no"),
        ("spares.member_addition.pathless", "no"),
        ("member_addition", "named_list"),
        ("spares.member_addition.named_list", "no"),
        ("members_at_once", "50"),
    ],
)
def test_every_lesson_about_groups_has_its_sentence(flag: str, value: str) -> None:
    sentence = dialect.in_words(flag, value)
    assert sentence.endswith(".")
    assert not {"member_", "{"} & set(sentence)
    assert "50" in sentence or value != "50"


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("displayname", "displayName"),
        ("urn:ietf:params:scim:schemas:core:2.0:Group:displayName", "displayName"),
        ("urn:acme:2.0:Group:alias", "urn:acme:2.0:Group:alias"),
    ],
)
def test_a_group_attribute_is_brought_into_one_form(typed: str, canonical: str) -> None:
    assert Scim.group_target(typed) == canonical


@pytest.mark.parametrize("typed", ["members", "userName", "externalId", "id", "", "displayName.x"])
def test_what_a_mapping_of_groups_cannot_fill_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^\S+ \S+ \S+ .+"):
        Scim.group_target(typed)


def test_an_answer_that_is_no_group_is_no_proof(scim: Scim, faulty: FaultyScim) -> None:
    faulty.on("GET", answer(200, ["x"]))
    faulty.on("POST", answer(201))
    calls: list[Callable[[], object]] = [
        lambda: find(scim),
        lambda: create(scim),
        lambda: scim.get_group("7", ()),
    ]
    for call in calls:
        with pytest.raises(ConnectorError) as caught:
            call()
        assert type(caught.value) is Unavailable
