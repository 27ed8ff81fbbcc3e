"""Types of arguments on the command line, which argparse calls with what was typed."""

from __future__ import annotations

import argparse
from typing import Any

from sdg_project.scalars import parse_number


def any_number(text: str) -> Any:
    """A number in one of the forms that people type, such as 0.5, 1000, 1e6 or 1_000_000."""
    try:
        return parse_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def whole_number(text: str) -> int:
    """A whole number such as 1000, 1e6 or 1_000_000."""
    number = any_number(text)
    if not isinstance(number, int):
        raise argparse.ArgumentTypeError(f"{text} is no whole number")
    return number
