"""Named points at which a process dies or freezes if the programme has ordered it."""

import itertools
import os
import signal
from pathlib import Path

KILL, PAUSE = "kill", "pause"
_SIGNALS = {KILL: signal.SIGKILL, PAUSE: signal.SIGSTOP}


class Orders:
    """A folder with one file an order, which the first process that gets there takes away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        folder.mkdir(exist_ok=True)

    def give(self, action: str, point: str) -> Path:
        order = self._folder / f"{next(self._numbers)}.{action}.{point}"
        order.touch()
        return order

    def reached(self, point: str, *, by: int | None = None) -> None:
        """Carry out the order for this point, if there is one, on this process or `by`."""
        for name in os.listdir(self._folder):
            _, action, where = name.split(".")
            if where == point and self.take(self._folder / name):
                os.kill(by or os.getpid(), _SIGNALS[action])

    @staticmethod
    def take(order: Path) -> bool:
        """Whether it was still there: each order is carried out once, or withdrawn."""
        try:
            order.unlink()
        except FileNotFoundError:
            return False
        return True
