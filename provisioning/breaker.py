"""Decides when an application that fails is to be left alone, and for how long. Pure."""

_IN_A_ROW = 5
_WINDOW = 20
_MORE_THAN = _WINDOW // 2
_FIRST_REST = 30.0
_LONGEST_REST = 900.0
ANSWERED, FAILED = "+", "-"


def recorded(recent: str, *, answered: bool) -> str:
    """The outcomes of the last requests, oldest first, with one more."""
    return (recent + (ANSWERED if answered else FAILED))[-_WINDOW:]


def opens(recent: str) -> bool:
    """Whether the application failed too often to be asked at full speed."""
    in_a_row = recent.endswith(FAILED * _IN_A_ROW)
    return in_a_row or (len(recent) == _WINDOW and recent.count(FAILED) > _MORE_THAN)


def rest(times: int) -> float:
    """Seconds to leave it alone when it has failed `times` times over: 30 s doubling to 15 min."""
    return min(_LONGEST_REST, _FIRST_REST * 2.0 ** min(times, 10))
