"""The tables of provisioning, one module for each of the five things they are about."""

from provisioning.models.accounts import (
    OPERATION_LABELS,
    Account,
    Event,
    Guard,
    Origin,
    Outcome,
    Priority,
    Problem,
    Trigger,
)
from provisioning.models.apps import (
    App,
    Apply,
    Drift,
    GroupsToPush,
    LoginMethod,
    Mapping,
    Policy,
    Resource,
    SourceKind,
    WhenEmpty,
    connector_choices,
)
from provisioning.models.checks import Decision, Finding, Hold, Run, Sighting
from provisioning.models.groups import GroupGuard, MemberState, PushedGroup, PushedMember
from provisioning.models.lanes import Lane, Worker

__all__ = [
    "Account",
    "App",
    "Apply",
    "Decision",
    "Drift",
    "Event",
    "Finding",
    "GroupGuard",
    "GroupsToPush",
    "Guard",
    "Hold",
    "Lane",
    "LoginMethod",
    "Mapping",
    "MemberState",
    "OPERATION_LABELS",
    "Origin",
    "Outcome",
    "Policy",
    "Priority",
    "Problem",
    "PushedGroup",
    "PushedMember",
    "Resource",
    "Run",
    "Sighting",
    "SourceKind",
    "Trigger",
    "WhenEmpty",
    "Worker",
    "connector_choices",
]
