"""The admin pages of provisioning."""

from provisioning.admin import accounts, applications, people, policies

__all__ = ["accounts", "applications", "people", "policies"]
