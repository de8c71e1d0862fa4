"""Which moments can be asked for, and what is meant by a day."""

from datetime import date, datetime, time

from django.core.exceptions import ValidationError
from django.utils import timezone


def storable(moment: datetime) -> None:
    """Refuse what no database and no other time zone could hold."""
    if not 1970 <= moment.year <= 9998:
        raise ValidationError("Enter a year from 1970 to 9998.")


def end_of_day(typed: str) -> datetime | None:
    """The end of the day that was typed, in the portal's zone; None for anything but a day."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(day, time.max))
