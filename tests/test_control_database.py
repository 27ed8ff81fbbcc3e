"""The control database that tests see behaves as the real one does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from pools.models import Pool


@pytest.mark.django_db(transaction=True)
def test_a_reader_does_not_wait_for_a_writer_and_a_writer_waits_for_another() -> None:
    if connection.vendor == "sqlite":
        assert Path(connection.settings_dict["NAME"]).is_file()
    counts: list[int] = []
    has_read, may_write = threading.Event(), threading.Event()

    def other() -> None:
        counts.append(Pool.objects.count())
        has_read.set()
        may_write.wait()
        Pool.objects.create(name="second", source={})
        connections.close_all()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        Pool.objects.create(name="first", source={})
        thread.start()
        assert has_read.wait(10)
        may_write.set()
    thread.join(30)

    assert counts == [0]
    assert Pool.objects.count() == 2
