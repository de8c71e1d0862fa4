"""Which version of Gatehouse this is: the one that was installed, or that of the checkout."""

import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path


@lru_cache(maxsize=1)
def current() -> str:
    """Empty where nobody can say: run from the packages alone, without either."""
    try:
        return metadata.version("gatehouse")
    except metadata.PackageNotFoundError:
        checkout = Path(__file__).parent.parent / "pyproject.toml"
        if not checkout.exists():
            return ""
        return str(tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]["version"])
