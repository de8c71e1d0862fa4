"""Asks a SCIM application what it says of itself: what it can do, and what its users consist of."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioning.connectors.service import ScimService, as_count
from provisioning.errors import ConnectorError
from provisioning.plan import Feature
from provisioning.scim import dialect, discovery
from provisioning.scim.dialect import Lesson

# So long before its certificate ends an application is warned of.
_SOON = timedelta(days=14)
# Clocks that are further apart are told of.
_APART = timedelta(seconds=10)
# Pages of descriptions that are read at most.
_DESCRIPTIONS = 5


class ScimDescribed(ScimService):
    """Tolerates a description that is missing, partial, untrue, huge, in pages or a bare list."""

    def discover(self) -> Sequence[Lesson]:
        try:
            lessons = self._abilities()
            if self.dialect.discovery:
                types, schemas = self._described("/ResourceTypes"), self._described("/Schemas")
                lessons += discovery.lessons(types, schemas)
        except ConnectorError:
            # It does not answer at all, which the next push will say better.
            lessons = []
        return [*lessons, *self._warnings()]

    def _warnings(self) -> list[Lesson]:
        """What an administrator should see to before it goes wrong."""
        return [*self._certificate(), *self._clock()]

    def _clock(self) -> list[Lesson]:
        ahead = self._session.clock_ahead
        if ahead is None or abs(ahead) <= _APART:
            return []
        said = "It told its time when the connection was tested."
        return [Lesson(dialect.CLOCK, f"{ahead.total_seconds():.0f}", said)]

    def _certificate(self) -> list[Lesson]:
        """What is wrong with the certificate soon."""
        ends = self._session.certificate_ends
        if ends is None or ends - datetime.now(UTC) > _SOON:
            return []
        said = f"It was shown when the connection was tested, and is good until {ends:%H:%M} UTC."
        return [Lesson(dialect.CERTIFICATE, f"{ends:%Y-%m-%d}", said)]

    def _abilities(self) -> list[Lesson]:
        for path in self.dialect.discovery:
            told = self._told(path)
            if isinstance(told, dict):
                return dialect.discovered(told, self.dialect) + self._of_groups(told)
        return []

    def _of_groups(self, told: Mapping[str, Any]) -> list[Lesson]:
        if Feature.GROUP_MEMBERS not in self.features:
            return []
        return dialect.discovered_of_groups(told, self.dialect)

    def _described(self, path: str) -> list[Mapping[str, Any]]:
        """All of these descriptions, which some services give in pages."""
        found: list[Mapping[str, Any]] = []
        for _ in range(_DESCRIPTIONS):
            body = self._told(path, **({"startIndex": str(len(found) + 1)} if found else {}))
            some = [each for each in discovery.listed(body) if each not in found]
            found += some
            total = as_count(body.get("totalResults")) if isinstance(body, dict) else None
            if not some or total is None or len(found) >= total:
                break
        return found

    def _told(self, path: str, **params: str) -> Any:
        """What it says there, None if nothing. Raises ConnectorError if it does not answer."""
        try:
            return self._request("GET", path, **({"params": params} if params else {})).body
        except ConnectorError as error:
            if error.http_status is None:
                raise
            return None
