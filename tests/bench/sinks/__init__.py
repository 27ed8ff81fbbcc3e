"""``make bench-sinks``: records per second to each destination with a server, beside what the server itself can do."""

from __future__ import annotations

import importlib
import pkgutil


def bench_sinks(rounds: int) -> None:
    """Each module of this folder, one destination after the other."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name).bench(rounds)
