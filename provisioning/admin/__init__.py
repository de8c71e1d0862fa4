"""The admin pages of provisioning."""

from provisioning.admin import (
    accounts,
    applications,
    comparisons,
    groups,
    holds,
    people,
    policies,
    webhooks,
)

__all__ = [
    "accounts",
    "applications",
    "comparisons",
    "groups",
    "holds",
    "people",
    "policies",
    "webhooks",
]
