"""The main function of a run's child process; imports nothing of Django before it is set up there."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from sdg_project.parent import die_with


def work(run_id: str, parent: int, stop: Event, connection: Connection) -> None:
    """Work on a run's shards until none is left, and tell the parent what went wrong, if anything."""
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all of us; the parent tells us what to do
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import django

    django.setup()
    from generators.models import Run
    from generators.runs.job import Job
    from generators.runs.local import Stop, work_on_shards
    from sdg_project.outages import AWAY

    try:
        job = Job.of(Run.objects.get(pk=run_id))
        connection.send(work_on_shards(job, owner=str(os.getpid()), stop=Stop(stop), on_progress=lambda: None))
    except AWAY:
        sys.exit(1)  # the parent asks the control database, too, and says that it is away
    job.destination.close()
    connection.close()
