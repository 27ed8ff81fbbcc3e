"""Skipped tests: a failure in CI, where every server, browser and front end is there to be tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest


def _refuse(report: Any) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in CI: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[Any]:
    report = yield
    _refuse(report)
    return report  # type: ignore[misc]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[Any]:
    report = yield
    _refuse(report)
    return report  # type: ignore[misc]
