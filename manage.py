#!/usr/bin/env python
"""GradeBridge's command line."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gradebridge.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        from common.database.failures import absence  # needs the settings

        if line := absence(error):
            sys.exit(line)
        raise
