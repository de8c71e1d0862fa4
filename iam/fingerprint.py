"""Tells two states of something apart without keeping either."""

import hashlib
import json
from typing import Any


def of(state: Any) -> str:
    """32 hexadecimal digits; others for whatever is different. Dates and rows count as their text.

    `state` is what JSON can hold, and such values in it.
    """
    text = json.dumps(state, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
