"""Made-up secrets that can be told apart, and the search for them in whatever form."""

import base64
import uuid
from dataclasses import dataclass, field
from urllib.parse import quote

# So much of a secret gives it away.
_TELLING = 16


@dataclass(frozen=True)
class Canary:
    """A secret that stands nowhere else, with signs that an address writes otherwise."""

    about: str
    text: str = field(default_factory=lambda: f"Kanarie+{uuid.uuid4().hex}/~?>=")

    def forms(self) -> set[bytes]:
        """What must not be found: pieces of it in clear, and all that it is in base64 and hex."""
        plain = self.text.encode()
        pieces = {self.text[at : at + _TELLING] for at in range(0, len(self.text) - _TELLING, 4)}
        encoded = {quote(self.text, safe=""), plain.hex(), *map(_inside, (0, 1, 2), [plain] * 3)}
        short = {form[: 2 * _TELLING] for form in encoded}
        return {form.encode() for form in pieces | short}


def _inside(before: int, plain: bytes) -> str:
    """The middle of base64 in which so many bytes stand before the secret."""
    return base64.b64encode(b"x" * before + plain)[4:-4].decode()


class Search:
    """Looks for canaries in everything that is handed in."""

    def __init__(self) -> None:
        self.canaries: list[Canary] = []
        self.found: set[tuple[str, str]] = set()
        # What was looked through, and how many bytes.
        self.looked: dict[str, int] = {}

    def plant(self, about: str) -> str:
        canary = Canary(about)
        self.canaries.append(canary)
        return canary.text

    def through(self, place: str, content: bytes | str, *, but: str = "") -> None:
        """`but` is what a canary is about that stands there by design."""
        raw = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        self.looked[place] = self.looked.get(place, 0) + len(raw)
        for canary in self.canaries:
            if canary.about != but and any(form in raw for form in canary.forms()):
                self.found.add((place, canary.about))
