"""Refreshing in the background of the service: who asks while a pool is being read joins that reading."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from uuid import UUID

from django.db import connections

from pools import services
from sdg_project.errors import SdgError

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


def _refresh(pool_id: UUID, name: str) -> None:
    try:
        services.refresh_pool(name)
    except SdgError as error:
        _log.warning("pool could not be refreshed", extra={"fields": {"pool": name, "reason": str(error)}})
    except Exception:
        _log.exception("pool could not be refreshed", extra={"fields": {"pool": name}})
    finally:
        with _lock:
            _running.pop(pool_id, None)
        connections.close_all()
