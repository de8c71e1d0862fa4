"""scim2-server: the strict one of today, with features switched off, and an early one."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.interop import environments
from tests.interop.targets.base import TOKEN, Target

_FEATURES = ("patch", "filter", "etag")


def _today(*off: str) -> Callable[[int, Path], Sequence[str]]:
    """The command of the version that the demo uses; what is off is refused with 501."""

    def command(port: int, folder: Path) -> Sequence[str]:
        program = Path(sys.executable).with_name("scim2-server")
        config = folder / "service-provider-config.json"
        config.write_text(json.dumps(_config(off)))
        return [*_options(str(program), port), "--service-provider-config", str(config)]

    return command


def _config(off: Sequence[str]) -> dict[str, object]:
    plain = {feature: {"supported": feature not in off} for feature in (*_FEATURES, "sort")}
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        **plain,
        "filter": {**plain["filter"], "maxResults": 1000},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "changePassword": {"supported": False},
        "authenticationSchemes": [],
    }


def _early(port: int, folder: Path) -> Sequence[str]:
    python = environments.python("scim2_server_0_1_9")
    return _options(str(python.with_name("scim2-server")), port)


def _options(program: str, port: int) -> list[str]:
    return [program, "--hostname", "127.0.0.1", "--port", str(port), "--bearer-token", TOKEN]


def _target(name: str, *off: str) -> Target:
    return Target(name=name, versions="scim2-server 0.8.3", base_path="/v2", command=_today(*off))


NEW = (
    _target("scim2"),
    _target("no-patch", "patch"),
    _target("no-filter", "filter"),
    _target("no-etag", "etag"),
    _target("all-off", *_FEATURES),
)
OLD = Target(
    name="scim2-old",
    versions="scim2-server 0.1.9, scim2-models 0.6.1",
    base_path="/v2",
    command=_early,
    prepare=lambda: environments.python("scim2_server_0_1_9"),
)
