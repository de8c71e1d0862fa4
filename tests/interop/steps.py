"""The steps of the scenario in their order, which the table needs without Django."""

from enum import StrEnum


class Step(StrEnum):
    CONNECT = "connect"
    CREATE = "create 12"
    CHANGE = "change each attribute"
    CLEAR = "clear each attribute"
    FILL = "fill in again"
    RENAME = "rename"
    SECOND_MAIL = "second e-mail removed"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"
    DELETE = "delete"
    ADOPT = "adopt"
    NOTHING = "nothing changed"
    COMPARE = "compare three times"
