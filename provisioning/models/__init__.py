"""The tables of provisioning, one module for each of the four things they are about."""

from provisioning.models.accounts import (
    EFFECT_LABELS,
    NEEDS_A_PERSON,
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
    LoginMethod,
    Mapping,
    Policy,
    SourceKind,
    WhenEmpty,
    connector_choices,
)
from provisioning.models.checks import Decision, Finding, Hold, Run, Sighting
from provisioning.models.lanes import Lane, Worker

__all__ = [
    "Account",
    "App",
    "Apply",
    "Decision",
    "Drift",
    "EFFECT_LABELS",
    "Event",
    "Finding",
    "Guard",
    "Hold",
    "Lane",
    "LoginMethod",
    "Mapping",
    "NEEDS_A_PERSON",
    "OPERATION_LABELS",
    "Origin",
    "Outcome",
    "Policy",
    "Priority",
    "Problem",
    "Run",
    "Sighting",
    "SourceKind",
    "Trigger",
    "WhenEmpty",
    "Worker",
    "connector_choices",
]
