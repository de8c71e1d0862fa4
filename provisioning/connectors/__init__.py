"""The catalogue of connectors: every module of this package that defines one is in it."""

import importlib
import pkgutil
from functools import lru_cache

from provisioning.connectors.base import Connector


@lru_cache(maxsize=1)
def catalogue() -> dict[str, type[Connector]]:
    """Slug to connector class, by label. Found on first use, so that nothing has to be listed."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    kinds = _subclasses(Connector)  # type: ignore[type-abstract]
    found = [kind for kind in kinds if "slug" in vars(kind)]
    return {kind.slug: kind for kind in sorted(found, key=lambda kind: kind.position)}


def _subclasses(kind: type[Connector]) -> list[type[Connector]]:
    direct = kind.__subclasses__()
    return [*direct, *(deeper for child in direct for deeper in _subclasses(child))]
