"""Requests that the OpenAPI document allows and forbids, from everybody: the answers are those that it promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from sdg_project.openapi import api_document
from sdg_project.roles import Role
from sdg_project.wsgi import application
from tests.support.api import Caller

schema = schemathesis.openapi.from_dict(api_document())
schema.app = application
schema.config.phases.coverage.enabled = False  # hundreds of requests for each operation: for a run by hand

CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """The application is called within the test's transaction, whose connection must stay, as for Django's client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.parametrize("role", ["anonymous", *Role])
@schema.parametrize()
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_its_word(db: None, case: schemathesis.Case, role: str) -> None:
    headers = {}
    if role != "anonymous":
        headers["Authorization"] = f"Bearer {Caller.of(Role(role)).token}"

    case.call_and_validate(checks=CHECKS, headers=headers)
