"""Hides the secrets of an application in texts that come back from it."""

import base64
import html
import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

MASK: Final = "•••"
# So much of a secret at the end of a text is taken for one that was cut off.
_TELLING = 4


def masked(text: str, secrets: Iterable[str]) -> str:
    """What an application says, without the secrets that it may repeat in an error.

    A text that was shortened may end in the beginning of one, which goes too.
    """
    forms = {form for secret in secrets if secret for form in written(secret)}
    for secret in sorted(forms, key=len, reverse=True):
        text = text.replace(secret, MASK)
        longest = min(len(secret), len(text))
        for length in range(longest, _TELLING - 1, -1):
            if text.endswith(secret[:length]):
                text = f"{text[:-length]}{MASK}"
                break
    return text


def written(secret: str) -> set[str]:
    """A secret as it may come back: as it is, and as addresses, pages, JSON and base64 write it."""
    plain = secret.encode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(plain).decode().rstrip("="),
        base64.urlsafe_b64encode(plain).decode().rstrip("="),
    }
