"""The tables of provisioning, one module for each of the four things they are about."""

from provisioning.models.accounts import (
    OPERATION_LABELS,
    Account,
    Event,
    Guard,
    Origin,
    Outcome,
    Priority,
    Problem,
    TakenValue,
    Trigger,
)
from provisioning.models.apps import (
    App,
    Apply,
    Drift,
    LoginMethod,
    Mapping,
    Match,
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
    "Event",
    "Finding",
    "Guard",
    "Hold",
    "Lane",
    "LoginMethod",
    "Mapping",
    "Match",
    "OPERATION_LABELS",
    "Origin",
    "Outcome",
    "Policy",
    "Priority",
    "Problem",
    "Run",
    "Sighting",
    "SourceKind",
    "TakenValue",
    "Trigger",
    "WhenEmpty",
    "Worker",
    "connector_choices",
]
