"""`sdg up`: the whole service on this machine, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from engine.issues import Issue
from generators.checkup import PORT, health_of
from generators.runs.supervisor import Child, Supervisor
from generators.services.runs import prune_runs
from sdg_project import env
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.errors import Conflict, Invalid, Unavailable
from sdg_project.instance import Address, only_instance
from sdg_project.links import admin_link
from sdg_project.server import listen

_READY_SECONDS = 60.0
_log = logging.getLogger("sdg.up")


class Command(SdgCommand):
    help = "Serve the API and the admin, with workers that make the records; Ctrl-C ends all of it."
    example = "sdg up --port 8080 --workers 4"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default 127.0.0.1")
        parser.add_argument("--port", type=whole_number, default=PORT, metavar="N", help=f"default {PORT}")
        parser.add_argument("--workers", type=whole_number, metavar="N", help="processes that make records; default 2")
        parser.add_argument("--no-browser-link", action="store_true", help="print no one-time link to the admin")

    def carry_out(self, options: dict[str, Any]) -> int:
        host, port = options["host"], options["port"]
        if not 0 <= port <= 65_535:
            raise Invalid([Issue("INVALID_VALUE", "", f"--port must be between 0 and 65535, not {port}")])
        if options["workers"] is not None:
            if not 1 <= options["workers"] <= 512:
                raise Invalid(
                    [Issue("INVALID_VALUE", "", f"--workers must be from 1 to 512, not {options['workers']}")]
                )
            os.environ["SDG_WORKERS"] = str(options["workers"])  # for the children
            settings.Q_CLUSTER["workers"] = options["workers"]
        with only_instance() as instance:
            listening = self._listening(host, port)
            ready_database()
            port = listening.getsockname()[1]
            listening.set_inheritable(True)
            os.environ.setdefault("SDG_LOG_LEVEL", "INFO")
            web = Child("web", ["sdg_project.web", str(listening.fileno())], pass_fds=[listening.fileno()])
            cluster = Child("workers", ["generators.runs.cluster"])
            supervisor = Supervisor(cluster, [web], daily=_prune, is_in_place=instance.is_in_place)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: supervisor.stop())
            near = Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104
            instance.tell(near)
            threading.Thread(target=self._announce, args=(near, options), daemon=True).start()
            supervisor.run()
            if not instance.is_in_place():
                message = f"{settings.SDG_HOME} has been moved or removed, so the service has ended"
                hint = "start it again with SDG_HOME where it is now; sdg doctor says what is amiss there"
                raise Unavailable("CONTROL_DB_DOWN", message, hint=hint)
        self.say("ended")
        return DONE

    def _listening(self, host: str, port: int) -> Any:
        try:
            return listen(host, port)
        except OSError as error:
            hint = "choose another one with --port, or end what uses it"
            raise Conflict("IN_USE", f"port {port} of {host} cannot be used: {error.strerror}", hint=hint) from error

    def _announce(self, base: Address, options: dict[str, Any]) -> None:
        """Say that the service is ready as soon as it is, and where it is."""
        deadline = time.monotonic() + _READY_SECONDS
        while (health := health_of(base)) != "UP":
            if time.monotonic() > deadline:
                self.say(f"the service is {health or 'silent'} after {_READY_SECONDS:.0f} s; see the log above")
                break
            time.sleep(0.1)
        else:
            self.stdout.write(f"ready {base}")
        self.stdout.write(f"  API   {base}/api/v1/docs")
        self.stdout.write(f"  admin {base}/admin/")
        if not options["no_browser_link"]:
            self.stdout.write(f"  log in once, within the hour: {base}{admin_link()}")
        self.stdout.flush()


def _prune() -> None:
    pruned = prune_runs(older_than=timedelta(days=env.retention_days()))
    _log.info("old runs removed", extra={"fields": {"runs": len(pruned.runs), "kept": len(pruned.kept)}})
