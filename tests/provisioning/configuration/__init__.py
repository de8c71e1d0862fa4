"""Configurations as the tests write, apply and compare them."""

from typing import Any

from iam.models import Group, ProfileAttribute
from provisioning.configuration import applying, stored, writing
from provisioning.configuration.applying import Plan
from provisioning.configuration.reading import read
from provisioning.models import App, Policy

HEAD = "gatehouse_configuration: 1\n"


def exported(only: str = "") -> str:
    return writing.as_text(stored.exported(only))


def planned(text: str, **options: Any) -> Plan:
    return applying.plan(read(_whole(text)), **options)


def applied(text: str, **options: Any) -> Plan:
    """What was planned is done."""
    plan = planned(text, **options)
    assert list(map(str, plan.problems)) == []
    return applying.apply(read(_whole(text)), confirmed=plan.fingerprint, **options)


def told(plan: Plan) -> list[str]:
    """The changes in short: “change apps Zoom: guard_count”."""
    return [
        f"{each.what.value} {each.section} {each.name}: "
        + ", ".join(field.name for field in each.fields)
        for each in plan.changes
    ]


def forget_everything() -> None:
    """As in another environment."""
    for model in (Policy, App, Group, ProfileAttribute):
        model.objects.all().delete()


def _whole(text: str) -> bytes:
    return (text if HEAD in text else HEAD + text).encode()
