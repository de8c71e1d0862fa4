"""The steps of the scenario in their order, which the table needs without Django."""

from enum import StrEnum


class Step(StrEnum):
    CONNECT = "connect"
    CREATE = "create 12"
    GROUPS = "create 2 groups"
    CHANGE = "change each attribute"
    CLEAR = "clear each attribute"
    FILL = "fill in again"
    RENAME = "rename"
    SECOND_MAIL = "second e-mail removed"
    MEMBER_ADDED = "member added"
    MEMBER_REMOVED = "member removed"
    GROUP_RENAMED = "group renamed"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"
    DELETE = "delete"
    ADOPT = "adopt"
    ADOPT_GROUP = "adopt a group"
    GROUP_DELETED = "group deleted"
    NOTHING = "nothing changed"
    COMPARE = "compare three times"
