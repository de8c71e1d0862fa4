#!/usr/bin/env python
"""The command line of Gatehouse: whatever happens, a command ends with a sentence and a status."""

import io
import os
import sys

_NO_DATABASE = (
    "The database does not answer as it should. Check GATEHOUSE_DATABASE_URL, give “manage.py "
    "setup”, and ask “manage.py doctor” what else is wrong. The database says: "
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam.settings")
    # A program that was started without them may say nothing, and works all the same.
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    try:
        _carry_out(sys.argv)
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
    except OSError as error:
        # What is left to be written would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # With a broken pipe, whoever read it has seen enough.
        sys.exit(1 if isinstance(error, BrokenPipeError) else f"It could not go on: {error}.")


def _carry_out(command: list[str]) -> None:
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
    except ImportError:
        sys.exit("Gatehouse is not installed here yet. Run “make install” first.")
    try:
        execute_from_command_line(command)
    except (DataError, IntegrityError):
        # A fault of Gatehouse.
        raise
    except (DatabaseError, InterfaceError) as error:
        sys.exit(f"{_NO_DATABASE}{error}")
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    finally:
        # Now, and not when Python ends: nobody could say then that it cannot be written.
        sys.stdout.flush()


if __name__ == "__main__":
    main()
