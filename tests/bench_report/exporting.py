"""python -m tests.bench_report.exporting ROWS: exports so many events as CSV, to nowhere.

In a process of its own, whose memory has nothing else in it. Writes rows, seconds and the growth
of the most that it ever had in memory, in MB, as JSON.
"""

import csv
import json
import os
import sys
import time
from itertools import islice
from pathlib import Path

import django

# As many as bring into memory all the code that is needed.
_WARM = 5_000


def main() -> None:
    django.setup()
    _write(_WARM)
    before, began = _peak(), time.monotonic()
    rows = _write(int(sys.argv[1]))
    told = {"rows": rows, "seconds": time.monotonic() - began, "growth": _peak() - before}
    sys.stdout.write(json.dumps(told))


def _write(most: int) -> int:
    from provisioning.models import Event
    from reports import exports

    rows = 0
    with open(os.devnull, "w", newline="") as file:
        table = csv.writer(file)
        for event in islice(exports.stream(Event.objects.all()), most):
            table.writerow(exports.values(event).values())
            rows += 1
    return rows


def _peak() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell how much memory a process has used")


if __name__ == "__main__":
    main()
