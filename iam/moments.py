"""Which moments can be asked for."""

from datetime import datetime

from django.core.exceptions import ValidationError


def storable(moment: datetime) -> None:
    """Refuse what no database and no other time zone could hold."""
    if not 1970 <= moment.year <= 9998:
        raise ValidationError("Enter a year from 1970 to 9998.")
