"""What is exported, imported elsewhere and exported again is the same to the byte."""

from pathlib import Path

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iam.models import Group, ProfileAttribute, User
from provisioning import apps_setup
from provisioning.configuration import stored
from provisioning.configuration.reading import read
from provisioning.configuration.writing import as_text
from provisioning.models import App, Mapping, Policy, SourceKind
from tests.provisioning.configuration import applied, exported, forget_everything, planned

# Written on one database and read on both.
WHOLE = Path(__file__).with_name("whole.yaml").read_text(encoding="utf-8")

NAMES = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40
).filter(lambda name: name == name.strip() and name.strip() != "")
TRICKY = st.sampled_from(
    ["no", "on", "~", "1:30", "0x1F", "2026-11-26", "<<", "=", "- a", "a: b", "# c", "'", '"', "{}"]
    + ["null", "1e3", "!x", "&a", "*a", "a #b", "|", ">", "%", "@", "`", "ü", "日本", "🦊", ".inf"]
)
WORDS = NAMES | TRICKY


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    app=WORDS,
    group=WORDS,
    policy=WORDS,
    texts=st.lists(WORDS, min_size=3, max_size=3),
    number=st.floats(0.1, 1000),
)
def test_whatever_it_holds_it_comes_back_as_it_was(
    db: None, app: str, group: str, policy: str, texts: list[str], number: float
) -> None:
    with transaction.atomic():
        _fill(app, group, policy, texts, number)
        before = exported()
        assert planned(before).changes == []
        forget_everything()
        applied(before)
        assert exported() == before
        assert planned(before).changes == []
        transaction.set_rollback(True)


def _fill(app: str, group: str, policy: str, texts: list[str], number: float) -> None:
    a_group = Group.objects.create(name=group, description=texts[0])
    an_app = apps_setup.create(
        App(name=app, connector="scim", requests_per_second=number, groups_to_push="chosen")
    )
    an_app.settings["base_url"] = "https://app.example/scim/v2"
    an_app.save()
    an_app.chosen_groups.set([a_group])
    Mapping.objects.create(
        app=an_app, target="nickName", kind="constant", source=texts[1], position=3
    )
    Mapping.objects.filter(app=an_app, target="name.familyName").update(
        when_empty="default", default=texts[2], match=2
    )
    Policy.objects.create(name=policy, app=an_app, group=a_group, enabled=False)


def test_a_file_of_one_database_is_the_same_from_another(db: None) -> None:
    forget_everything()
    applied(WHOLE)
    assert exported() == WHOLE


def test_only_what_is_named_is_exported(db: None) -> None:
    applied(WHOLE)
    Group.objects.create(name="Nobody's")
    ProfileAttribute.objects.create(key="unused", label="Unused")
    assert "Nobody" not in exported() and "unused" not in exported()
    assert exported() == WHOLE


def test_one_application_alone_takes_along_what_it_needs(db: None) -> None:
    applied(WHOLE)
    part = read(exported("Chat").encode())
    assert part.only == "Chat"
    assert {section: list(found) for section, found in part.sections.items()} == {
        "profile_attributes": ["cost_center"],
        "groups": ["Night shift", "Sales"],
        "apps": ["Chat"],
        "policies": ["Sales gets Chat"],
    }
    forget_everything()
    applied(as_text(part))
    assert exported("Chat") == as_text(part)


def test_an_export_takes_as_many_queries_for_many_as_for_one(db: None) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            stored.exported()
        return len(asked)

    applied(WHOLE)
    few = queries()
    for number in range(5):
        app = apps_setup.create(App(name=f"App {number}", connector="scim"))
        group = Group.objects.create(name=f"Group {number}")
        Policy.objects.create(name=f"Policy {number}", app=app, group=group)
    assert queries() == few


def test_people_and_who_is_in_a_group_are_not_in_it(db: None) -> None:
    applied(WHOLE)
    ann = User.objects.create(username="ann@example.org", first_name="Annabella")
    Group.objects.get(name="Sales").users.add(ann)
    assert exported() == WHOLE
    assert Mapping.objects.filter(kind=SourceKind.EXPRESSION).exists()
