"""scimmy behind scimmy-routers, on the two generations of Express."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.interop import environments
from tests.interop.targets.base import TOKEN, Target


def _command(name: str) -> Callable[[int, Path], Sequence[str]]:
    def command(port: int, folder: Path) -> Sequence[str]:
        return ["node", str(environments.node(name) / "server.mjs"), str(port), TOKEN]

    return command


def _target(name: str, version: str) -> Target:
    return Target(
        name=name,
        versions=f"scimmy 1.3.5, scimmy-routers 1.3.2, express {version}",
        base_path="/scim",
        command=_command(name),
        prepare=partial(environments.node, name),
    )


SCIMMY = (_target("express4", "4.22.3"), _target("express5", "5.3.0"))
