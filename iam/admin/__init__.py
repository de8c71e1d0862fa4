"""The admin pages of people, groups and operators."""

from iam.admin import operators, people

__all__ = ["operators", "people"]
