"""A configuration is carried out as it was shown, by the rules of the pages, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from iam.models import Group, ProfileAttribute, User
from provisioning import apps_setup
from provisioning.configuration import applying
from provisioning.configuration.applying import Changed
from provisioning.configuration.reading import read
from provisioning.connectors.scim import Scim
from provisioning.models import Account, App, Hold, Mapping, Policy
from provisioning.plan import Feature, State
from tests.conftest import REVERSIBLE, MakeApp, person
from tests.provisioning.configuration import (
    HEAD,
    applied,
    exported,
    forget_everything,
    planned,
    told,
)
from tests.support.connectors import in_catalogue
from tests.support.faulty import FaultyScim

Push = Callable[[], None]

CHAT = """
apps:
  Chat:
    connector: scim
    settings:
      base_url: https://chat.example.com/scim/v2
"""
CANARY = "canary-5c1e77"
# In the order of their lines.
WRONG = (
    "settings › token): This is a secret",
    "target): userName[",
    "P › app): There is no application “Nowhere”",
    "P › group): There is no group “Nobody”",
    "Q › app): Name the application here",
    "Q › group): Name the group here",
)


@pytest.fixture
def zoom(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User) -> App:
    """In use: the group has it, and Ann has an account."""
    return make_app(faulty, group=sales)


# -------------------------------------------------------------------------------------- adding


def test_a_new_application_is_added_paused_and_says_what_to_enter(db: None) -> None:
    plan = applied(CHAT)
    app = App.objects.get()
    assert app.paused and app.stored_secrets == frozenset()
    assert plan.consequences == [
        "Chat is added paused: nothing is sent before somebody has looked. Enter on its page: "
        "Bearer token. Then switch “Paused” off."
    ]


def test_a_new_application_that_needs_no_secret_is_paused_too(db: None) -> None:
    class Open(Scim):
        slug = "open"
        settings = tuple(each for each in Scim.settings if each.key == "base_url")

    with in_catalogue(Open, "open"):
        document = read((HEAD + CHAT).encode())
        document.sections["apps"]["Chat"]["connector"] = "open"
        plan = applying.plan(document)
        applying.apply(document, confirmed=plan.fingerprint)
        assert App.objects.get().paused
        assert "Look at its page, and switch “Paused” off." in plan.consequences[0]
        App.objects.all().delete()


def test_a_new_application_has_the_features_and_mapping_of_its_kind(db: None) -> None:
    applied(CHAT)
    app = App.objects.get()
    assert {Feature(feature) for feature in app.features} == set(REVERSIBLE)
    assert [row.target for row in app.mappings.of_people()] == [
        target for target, _ in app.kind.default_mappings
    ]


def test_nothing_is_sent_to_a_new_application(
    db: None, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    own = CHAT.replace("https://chat.example.com/scim/v2", faulty.base_url)
    applied(
        f"{own}    internal: true\npolicies:\n  P: {{app: Chat, group: Sales}}\n",
    )
    push()
    assert faulty.requests == []
    assert Account.objects.get().state == State.ABSENT


def test_what_is_added_is_counted_in_people(db: None, sales: Group, ann: User, bob: User) -> None:
    sales.users.add(bob)
    plan = planned(f"{CHAT}policies:\n  P: {{app: Chat, group: Sales}}\n")
    assert "2 people get an account in Chat, once it is not paused any more." in plan.consequences
    assert told(plan) == [
        "add apps Chat: connector, settings.base_url",
        "add policies P: app, group",
    ]


def test_what_a_file_names_may_be_in_it_or_here(db: None, sales: Group) -> None:
    applied(
        f"{CHAT}    chosen_groups: [Sales, Staff]\n    attribute_mapping:\n"
        "      - {target: userName, source: username}\n"
        "      - {target: title, source: custom.rank}\n"
        "groups:\n  Staff: {}\nprofile_attributes:\n  rank: {label: Rank}\n"
    )
    assert {group.name for group in App.objects.get().chosen_groups.all()} == {"Sales", "Staff"}


# ------------------------------------------------------------------------------------ changing


def test_only_what_the_file_says_is_changed(zoom: App) -> None:
    before = exported()
    plan = applied("apps:\n  Zoom:\n    guard_count: 3\n")
    assert told(plan) == ["change apps Zoom: guard_count"]
    assert exported() == before.replace("guard_count: 10", "guard_count: 3")
    assert App.objects.get().stored_secrets == {"token"} and not App.objects.get().paused


def test_the_same_file_twice_leaves_nothing_to_do(zoom: App) -> None:
    text = (
        "apps:\n  Zoom:\n    features: [create_users]\n    attribute_mapping:\n"
        "      - {target: displayName, source: full_name}\n"
        "      - {target: userName, source: username, match: 1}\n"
        "policies:\n  Zoom for Sales:\n    enabled: false\n"
    )
    assert applied(text).changes != []
    assert planned(text).changes == []


def test_the_rows_are_all_there_is_of_a_mapping_and_keep_their_order(zoom: App) -> None:
    kept = Mapping.objects.get(target="userName").pk
    applied(
        "apps:\n  Zoom:\n    attribute_mapping:\n"
        "      - {target: title, source: title}\n"
        "      - {target: userName, source: email}\n"
    )
    rows = list(App.objects.get().mappings.of_people())
    assert [(row.target, row.source) for row in rows] == [("title", "title"), ("userName", "email")]
    assert rows[1].pk == kept
    assert App.objects.get().mappings.of_groups().exists()


def test_accounts_follow_a_change(zoom: App, push: Push, faulty: FaultyScim) -> None:
    push()
    applied(
        "apps:\n  Zoom:\n    attribute_mapping:\n      - {target: userName, source: username}\n"
    )
    assert Account.objects.get().due_at is not None
    push()
    assert Account.objects.get().due_at is None


def test_a_change_of_the_mapping_says_how_many_accounts_it_changes(zoom: App, push: Push) -> None:
    push()
    plan = planned(
        "apps:\n  Zoom:\n    attribute_mapping:\n      - {target: userName, source: username}\n"
        "      - {target: nickName, kind: constant, source: N}\n"
    )
    assert any("This changes 1 of 1 accounts in Zoom." in each for each in plan.consequences)


def test_another_server_does_not_get_the_secret(zoom: App) -> None:
    address = zoom.settings["base_url"].replace("127.0.0.1", "localhost")
    plan = applied(f"apps:\n  Zoom:\n    settings:\n      base_url: {address}\n")
    app = App.objects.get()
    assert app.stored_secrets == frozenset() and app.paused
    assert plan.consequences == [
        "Zoom will be paused, as a stored secret is missing or was meant for another server. Enter "
        "on its page: Bearer token. Then switch “Paused” off."
    ]


def test_the_own_address_is_refused_where_it_is_known(db: None) -> None:
    (problem,) = planned(CHAT, portal="https://chat.example.com/").problems
    assert "This is the address of Gatehouse itself." in str(problem)


# ------------------------------------------------------------------------------------ removing


def test_nothing_goes_without_being_asked_for(zoom: App) -> None:
    assert applied(f"{CHAT}policies: {{}}\n").changes
    assert App.objects.count() == 2 and Policy.objects.exists()


def test_a_section_that_is_not_there_removes_nothing(zoom: App) -> None:
    assert told(planned(CHAT, prune=True)) == ["add apps Chat: connector, settings.base_url"] + [
        "remove apps Zoom: "
    ]
    assert planned("groups: {}\n", prune=True).changes == []


def test_a_policy_that_goes_says_who_loses_what(zoom: App, push: Push) -> None:
    push()
    plan = applied("policies: {}\n", prune=True)
    assert told(plan) == ["remove policies Zoom for Sales: "]
    assert plan.consequences == ["1 account will be deactivated in Zoom."]
    push()
    assert Account.objects.get().state == State.SUSPENDED


def test_a_policy_that_is_replaced_in_the_same_file_takes_nothing_away(
    zoom: App, push: Push
) -> None:
    push()
    plan = applied("policies:\n  Other: {app: Zoom, group: Sales}\n", prune=True)
    assert plan.consequences == []
    push()
    assert Account.objects.get().state == State.ACTIVE


def test_an_application_that_goes_says_how_many_accounts_stay_there(zoom: App, push: Push) -> None:
    push()
    plan = applied("apps: {}\npolicies: {}\n", prune=True)
    assert plan.consequences == ["1 account stays in Zoom as it is, and Gatehouse forgets it."]
    assert not App.objects.exists() and Group.objects.exists()


def test_too_many_who_lose_access_wait_for_a_decision(
    zoom: App, push: Push, sales: Group, faulty: FaultyScim
) -> None:
    for number in range(3):
        sales.users.add(person(f"p{number}"))
    App.objects.update(guard_count=2, guard_percent=0)
    push()
    plan = planned("policies:\n  Zoom for Sales:\n    enabled: false\n")
    assert plan.consequences == [
        "4 accounts will be deactivated in Zoom. Before that, they wait under Holds until somebody "
        "decides, because Zoom may lose at most 2 of its accounts within 24 hours without anybody "
        "being asked."
    ]
    applied("policies:\n  Zoom for Sales:\n    enabled: false\n")
    push()
    assert Hold.objects.count() == 4
    assert not Account.objects.exclude(state=State.ACTIVE).exists()


def test_a_feature_that_removes_more_says_so(zoom: App, push: Push, sales: Group) -> None:
    App.objects.update(features=["create_users"])
    push()
    sales.users.clear()
    push()
    plan = planned("apps:\n  Zoom:\n    features: [create_users, deactivate_users]\n")
    assert plan.consequences == [
        "1 account whose people are not to have Zoom will be switched off or deleted there."
    ]


def test_the_file_of_one_application_removes_nothing_else(zoom: App) -> None:
    (problem,) = planned(exported("Zoom"), prune=True).problems
    assert "This file is only “Zoom”" in str(problem)


# -------------------------------------------------------------------------- refused as a whole

MISTAKES: dict[str, tuple[str, str]] = {
    "address": (
        CHAT.replace("https://", "ftp://"),
        "Line 7, column 7 (apps › Chat › settings › base_url): ",
    ),
    "private address": (CHAT.replace("chat.example.com", "10.0.0.1"), "settings › base_url): "),
    "slash at the end": (
        CHAT.replace("/v2", "/v2/"),
        "It would be kept in another form. Export the configuration and compare it with this. "
        "Write it as “https://chat.example.com/scim/v2”.",
    ),
    "unknown setting": (f"{CHAT}      colour: red\n", "has none called so. Known are: "),
    "setting that is not asked for": (f"{CHAT}      scope: x\n", "It is not asked for with these"),
    "secret": (f"{CHAT}      token: {CANARY}\n", "This is a secret, which no file should hold."),
    "kind": ("apps:\n  Zoom:\n    connector: gitlab\n", "is of the kind “scim” here"),
    "no kind": ("apps:\n  New: {}\n", "(apps › New › connector): This field is required."),
    "feature": (
        "apps:\n  A:\n    connector: slack\n    features: [delete_users]\n",
        "cannot do “delete_users”. It can do: ",
    ),
    "range": ("apps:\n  Zoom:\n    guard_percent: 101\n", "less than or equal to 100"),
    "huge": ("apps:\n  Zoom:\n    delete_after_days: 999999999\n", "less than or equal to"),
    "certificate": ("apps:\n  Zoom:\n    ca_certificate: x\n", "(apps › Zoom › ca_certificate)"),
    "path": (
        "apps:\n  Zoom:\n    attribute_mapping:\n      - {target: 'a[', source: email}\n",
        "(apps › Zoom › attribute_mapping › 1 › target): ",
    ),
    "formula": (
        "apps:\n  Zoom:\n    attribute_mapping:\n      - {target: userName, source: username}\n"
        "      - {target: title, kind: expression, source: 'lower('}\n",
        "(apps › Zoom › attribute_mapping › 2 › source): ",
    ),
    "unknown attribute": (
        "apps:\n  Zoom:\n    attribute_mapping:\n      - {target: a, source: custom.none}\n",
        "custom.none is not one of the available choices",
    ),
    "same place": (
        "apps:\n  Zoom:\n    attribute_mapping:\n"
        "      - {target: userName, source: username, match: 1}\n"
        "      - {target: displayName, source: email, match: 1}\n",
        "“userName” has this place. Choose another one.",
    ),
    "group of a policy": (
        "policies:\n  P: {app: Zoom, group: sales}\n",
        "There is no group “sales”. Write it just as it is called, or add it under groups.",
    ),
    "app of a policy": ("policies:\n  P: {app: Zom, group: Sales}\n", "no application “Zom”"),
    "half a policy": ("policies:\n  P: {app: Zoom}\n", "Name the group here."),
    "second policy": (
        "policies:\n  P: {app: Zoom, group: Sales}\n",
        "There is already a policy for this application and group.",
    ),
    "same group": ("groups:\n  SALES: {}\n", "There is already a group “Sales”."),
    "chosen group": ("apps:\n  Zoom:\n    chosen_groups: [None]\n", "There is no group “None”."),
    "key": ("profile_attributes:\n  Cost-Center: {label: C}\n", "Use small letters, digits and _"),
    "no label": ("profile_attributes:\n  rank: {}\n", "(profile_attributes › rank › label): "),
    "hidden character": ('groups:\n  "S\\u200bales": {}\n', "cannot be seen (U+200B)"),
    "name of a page": (f"groups:\n  {'x' * 201}: {{}}\n", "at most 200 characters"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_leaves_everything_as_it_is_and_is_named(zoom: App, case: str) -> None:
    text, said = MISTAKES[case]
    good = "policies:\n  Zoom for Sales:\n    enabled: false\n"
    whole = text if "policies:" in text else text + good
    before = exported()
    plan = planned(whole)
    assert said in "\n".join(map(str, plan.problems))
    done = applying.apply(read((HEAD + whole).encode()), confirmed=plan.fingerprint)
    assert done.problems and exported() == before
    assert not Account.objects.filter(trigger="policy", due_at=None).exists()


def test_an_application_that_cannot_be_added_is_the_only_thing_said(db: None, sales: Group) -> None:
    plan = planned(f"{CHAT.replace('https', 'ftp')}policies:\n  P: {{app: Chat, group: Sales}}\n")
    assert len(plan.problems) == 1


def test_everything_that_is_wrong_is_told_at_once_in_its_order(zoom: App) -> None:
    plan = planned(
        "apps:\n  Zoom:\n    settings:\n      token: abc\n    attribute_mapping:\n"
        "      - {target: 'userName[', source: username}\n"
        "policies:\n  P: {app: Nowhere, group: Nobody}\n  Q: {}\n"
    )
    said = list(map(str, plan.problems))
    assert [words in text for words, text in zip(WRONG, said, strict=True)] == [True] * len(WRONG)


def test_a_plan_changes_nothing(zoom: App, push: Push) -> None:
    push()
    before, accounts = exported(), list(Account.objects.values())
    apps = list(App.objects.values())
    planned(f"{CHAT}policies: {{}}\ngroups:\n  New: {{}}\n", prune=True)
    assert exported() == before
    assert list(Account.objects.values()) == accounts
    assert list(App.objects.values()) == apps
    assert Group.objects.count() == 1


# ----------------------------------------------------------------- changed since it was planned


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda: App.objects.update(guard_count=7),
        lambda: Mapping.objects.filter(target="userName").update(source="email"),
        lambda: Policy.objects.all().delete(),
        lambda: Group.objects.get().users.add(person("new")),
        lambda: Group.objects.create(name="Staff"),
    ],
    ids=["app", "mapping", "policy", "people", "group"],
)
def test_what_was_changed_since_the_plan_is_refused_and_nothing_done(
    zoom: App, push: Push, meanwhile: Callable[[], Any]
) -> None:
    push()
    text = (
        f"{HEAD}apps:\n  Zoom:\n    guard_count: 9\n    attribute_mapping:\n"
        "      - {target: userName, source: username}\n"
        "policies:\n  Zoom for Sales: {app: Zoom, group: Sales, enabled: false}\n"
        "groups:\n  Staff: {description: All}\n"
    )
    plan = planned(text)
    assert plan.problems == []
    meanwhile()
    push()
    before = exported()
    with pytest.raises(Changed):
        applying.apply(read(text.encode()), confirmed=plan.fingerprint)
    assert exported() == before


def test_what_may_not_be_done_on_a_page_is_not_done_by_a_file(zoom: App) -> None:
    text = (
        f"{CHAT}  Zoom:\n    attribute_mapping: []\n    guard_count: 1\n"
        "policies: {}\ngroups:\n  Staff: {}\n"
    )
    plan = planned(text, prune=True, may=lambda right: right == "provisioning.change_app")
    assert [str(problem).rpartition("permission ")[2] for problem in plan.problems] == [
        "“iam.add_group”.",
        "“provisioning.add_app”.",
        "“provisioning.delete_mapping”.",
        "“provisioning.delete_policy”.",
    ]


# ---------------------------------------------------------------------------------- no secrets


def test_no_secret_is_ever_in_an_export(zoom: App) -> None:
    apps_setup.configure(
        zoom,
        settings={**zoom.settings, "client_id": "c"},
        secrets=dict.fromkeys([s.key for s in zoom.kind.settings if s.secret], CANARY),
        features=REVERSIBLE,
    )
    zoom.learned = {"delete": {"value": CANARY, "evidence": CANARY, "at": ""}}
    zoom.save()
    assert zoom.stored_secrets == {s.key for s in zoom.kind.settings if s.secret}
    assert CANARY not in exported() and zoom.sealed_secrets[:20] not in exported()
    assert "#   Zoom: Bearer token\n" in exported()


def test_everything_can_be_taken_to_an_empty_database(zoom: App) -> None:
    ProfileAttribute.objects.filter(key="custom_attribute_1").exists()
    before = exported()
    forget_everything()
    plan = applied(before)
    assert exported() == before and App.objects.get().paused
    assert planned(before).changes == []
    assert plan.consequences[0].startswith("Zoom is added paused")
