"""What a measurement comes to: ours, the baseline of the same run, and the target."""

from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` is held against the target; without one it only informs."""

    key: str
    name: str
    ours: float
    unit: str
    baseline: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def value(self) -> float:
        """The ratio to the baseline; without a baseline the figure itself."""
        if self.baseline is None:
            return self.ours
        return self.ours / self.baseline if self.baseline else float("inf")

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"

    @property
    def missed(self) -> bool:
        too_low = self.at_least is not None and self.value < self.at_least
        return too_low or (self.at_most is not None and self.value > self.at_most)

    def told(self) -> dict[str, Any]:
        ratio = None if self.baseline is None else self.value
        return {**asdict(self), "ratio": ratio, "target": self.target, "missed": self.missed}

    def row(self) -> list[str]:
        baseline = "" if self.baseline is None else f"{_short(self.baseline)} {self.unit}"
        ratio = "" if self.baseline is None else f"{self.value:.2f}"
        mark = " MISSED" if self.missed else ""
        return [
            f"({self.key})",
            self.name,
            f"{_short(self.ours)} {self.unit}",
            baseline,
            ratio,
            f"{self.target}{mark}",
        ]


def table(figures: list[Figure]) -> str:
    rows = [["", "name", "ours", "baseline", "ratio", "target"], *(each.row() for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
