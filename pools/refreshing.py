"""Refreshing in the background of the service: who asks while a pool is being read joins that reading.

What is older than its interval is refreshed by the processes that supervise or work.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from contextlib import suppress
from uuid import UUID

from django.db import connections
from django.utils import timezone

from pools import services
from pools.apart import load_apart
from sdg_project.errors import NotFound, SdgError

_log = logging.getLogger("sdg.pools")
_workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pool-refresh")
_running: dict[UUID, Future[None]] = {}
_lock = threading.Lock()


def refresh_in_background(name: str, *, wait_s: float = 0.0) -> bool:
    """Read the source of a pool anew, and wait for that as long as is said; whether it is done.

    When reading fails the version in use stays, and the pool's `last_error` says why. Raises NotFound.
    """
    pool = services.get_pool(name)
    with _lock:
        future = _running.get(pool.pk)
        if future is None:
            future = _workers.submit(_refresh, pool.pk, pool.name)
            _running[pool.pk] = future
    try:
        future.result(timeout=wait_s)
    except WaitedTooLong:
        return False
    return True


def keep_fresh() -> None:
    """Begin to refresh the pools that are due, and mend those whose reader has died."""
    for name in services.mend_interrupted():
        _log.warning("the reader of a pool has died", extra={"fields": {"pool": name}})
    for name in services.claim_due_pools(timezone.now()):
        with suppress(NotFound):
            refresh_in_background(name)


def _refresh(pool_id: UUID, name: str) -> None:
    try:
        services.refresh_pool(name, loader=load_apart)
    except SdgError as error:
        _log.warning("pool could not be refreshed", extra={"fields": {"pool": name, "reason": str(error)}})
    except Exception:
        _log.exception("pool could not be refreshed", extra={"fields": {"pool": name}})
    finally:
        with _lock:
            _running.pop(pool_id, None)
        connections.close_all()
