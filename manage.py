#!/usr/bin/env python
"""The command line of Gatehouse."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Gatehouse is not installed here yet. Run “make install” first.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
