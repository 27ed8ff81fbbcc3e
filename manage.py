"""Django's own command line; `sdg` is the one for users."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdg_project.settings")
    execute_from_command_line(sys.argv)
