"""Connections to Kafka by the command line."""

from __future__ import annotations

from tests.support.kafka import some_broker
from tests.support.sdg import Sdg


def test_a_connection_is_added_and_tested(sdg: Sdg) -> None:
    address = some_broker().address

    added = sdg("connection", "add", "shop", "--type", "kafka", "--bootstrap-servers", address, "--no-secret")
    tested = sdg("connection", "test", "shop")

    assert added.code == 0, added.err
    assert tested.code == 0, tested.err
    assert "OK: the connection works: Kafka, 1 broker" in tested.err
