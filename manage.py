#!/usr/bin/env python
"""The command line of Gatehouse."""

import io
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Gatehouse is not installed here yet. Run “make install” first.")
    # A program that was started without them may say nothing, and works all the same.
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    try:
        try:
            execute_from_command_line(sys.argv)
        finally:
            # Now, and not when Python ends: nobody could say then that it cannot be written.
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
    except OSError as error:
        # What is left to be written would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # With a broken pipe, whoever read it has seen enough.
        sys.exit(1 if isinstance(error, BrokenPipeError) else f"It could not go on: {error}.")


if __name__ == "__main__":
    main()
