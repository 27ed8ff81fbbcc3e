"""`sdg run`: a definition's records, written to the end; or on from where an interrupted run stands."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from engine.errors import RecordInvalid
from engine.issues import Issue
from generators.definition_files import DefinitionFile, instant, read_definitions, whole_number
from generators.enums import RunStatus
from generators.models import Run
from generators.planning import plan_of_run
from generators.progress import Bar
from generators.report import run_report
from generators.run_spec import RunSpec
from generators.runs.local import Stop, carry_run, interruptible
from generators.services.runs import RunOrder, find_run, progress_of, start_run
from generators.standard_output import write_to
from sdg_project import env
from sdg_project.commands import DONE, FAILED, INTERRUPTED, UNREACHABLE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.documents import STANDARD_INPUT as DASH
from sdg_project.errors import Invalid
from sinks.encoding.base import encoders
from sinks.enums import Checksum
from sinks.files.config import format_of

_OUTSIDE = {"DEST_UNAVAILABLE", "DEST_FULL", "DEST_REGRESSED", "RERUN_WOULD_COLLIDE"}


class Command(SdgCommand):
    help = "Validate a definition and make its records, to the end; or go on with a run that was interrupted."
    example = "sdg run orders.yaml --count 1e6 --to orders.jsonl --seed 42"

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "definition", nargs="?", metavar="DEFINITION", help="a YAML or JSON file, or - for standard input"
        )
        what.add_argument("--resume", metavar="RUN|last", help="go on exactly where the destination stands")
        parser.add_argument("--count", type=whole_number, metavar="N", help="how many records, such as 1e6")
        parser.add_argument(
            "--to", metavar="PATH", help="file to write; its suffix tells format and compression; - is standard output"
        )
        parser.add_argument("--format", choices=list(encoders), help="format of --to, where the suffix does not tell")
        parser.add_argument("--seed", type=whole_number, metavar="N", help="same seed, same records")
        parser.add_argument("--started-at", type=instant, metavar="INSTANT", help="what now, and the clock, refer to")
        parser.add_argument("--workers", type=whole_number, default=None, metavar="N", help="processes; default 1")
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="override a value by its dotted path"
        )
        parser.add_argument("--overwrite", action="store_true", help="replace a file that something else wrote, too")
        parser.add_argument(
            "--checksum", choices=[word.value for word in Checksum], help="checksum of the files; default XXH128"
        )
        parser.add_argument("--digest", action="store_true", help="also compute the digest of the records")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")
        parser.add_argument("--quiet", action="store_true", help="no progress, no summary")

    def carry_out(self, options: dict[str, Any]) -> int:
        workers = options["workers"]
        if workers is not None and not 1 <= workers <= 512:
            raise Invalid([Issue("INVALID_VALUE", "", f"--workers must be between 1 and 512, not {workers}")])
        if options["resume"] is not None:
            self._refuse(options, "count", "to", "format", "seed", "started_at", "set", "overwrite", "checksum")
            ready_database()
            return self._carry(find_run(options["resume"]), options)
        files = [_overridden(file, options) for file in read_definitions(options["definition"], options["set"])]
        if options["to"] and len(files) > 1:
            raise Invalid([Issue("INVALID_VALUE", "", f"--to names one file, but there are {len(files)} generators")])
        ready_database()
        code = DONE
        for file in files:
            code = max(code, self._run(file, options))
            if code == INTERRUPTED:
                break
        return code

    def _refuse(self, options: dict[str, Any], *names: str) -> None:
        given = [name for name in names if options[name]]
        if given:
            message = f"--{given[0].replace('_', '-')} does not go with --resume: a run keeps what it was started with"
            raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "", message)])

    def _run(self, file: DefinitionFile, options: dict[str, Any]) -> int:
        try:
            if options["to"] == DASH:
                self._refuse_for_dash(options)
                return self._to_standard_output(file, options)
            place = _place(file, options)
            owner = file.owner(str(Path(options["to"]).absolute()) if options["to"] else "")
            run, notes = start_run(
                place.document,
                RunOrder(
                    owner=owner,
                    root=place.root,
                    overwrite=options["overwrite"],
                    started_at=options["started_at"],
                    workers=options["workers"] or 1,
                    own_pools=file.own_pools,
                ),
            )
        except Invalid as error:
            self.show_issues(error.issues, file.where)
            return UNREACHABLE if {issue.code for issue in error.issues} <= _OUTSIDE - {"RERUN_WOULD_COLLIDE"} else 2
        if not options["quiet"]:
            self.show_issues(notes, file.where)
        return self._carry(run, options)

    def _refuse_for_dash(self, options: dict[str, Any]) -> None:
        if (options["workers"] or 1) > 1:
            raise Invalid(
                [Issue("PROPERTY_NOT_ALLOWED", "", "--workers does not go with --to -: one process writes there")]
            )

    def _to_standard_output(self, file: DefinitionFile, options: dict[str, Any]) -> int:
        try:
            report = write_to(
                sys.stdout.buffer,
                file,
                format_name=options["format"] or "JSONL",
                started_at=options["started_at"],
                digest=options["digest"],
            )
        except RecordInvalid as error:
            self.say(f"{error.code}: {error}")
            return FAILED
        except BrokenPipeError:
            raise  # the reader has seen enough
        except OSError as error:
            self.say(f"DEST_UNAVAILABLE: standard output cannot be written: {error.strerror}")
            return UNREACHABLE
        if options["json"]:
            self.say(json.dumps(report))
        elif not options["quiet"]:
            self.say(f"{report['recordsWritten']:,} records to standard output, seed {report['effectiveSeed']}")
        return DONE

    def _carry(self, run: Run, options: dict[str, Any]) -> int:
        """Work on a run, with a bar, until it ends one way or another; then say how."""
        if run.status != RunStatus.COMPLETED:
            stop = Stop()
            quiet = options["quiet"] or options["json"]
            with interruptible(stop), nullcontext() if quiet else Bar(run) as bar:

                def show() -> None:
                    if bar is not None:
                        bar.show(progress_of(run)["records"])

                workers = options["workers"] or RunSpec.from_json(run.spec).workers
                carry_run(run, workers=workers, stop=stop, on_progress=show)
        return self._report(run, options)

    def _report(self, run: Run, options: dict[str, Any]) -> int:
        report = run_report(run)
        if options["digest"] and run.status == RunStatus.COMPLETED:
            from generators.digest import run_digest

            report["digest"] = run_digest(plan_of_run(run), run.record_count)
        if options["json"]:
            self.stdout.write(json.dumps(report))
        elif run.status == RunStatus.COMPLETED and not options["quiet"]:
            for line in _summary(report):
                self.say(line)
        if run.status == RunStatus.COMPLETED:
            return DONE
        error = run.error or {}
        resume = f"sdg run --resume {run.pk}"
        if error:
            self.say(
                f"{error['code']}: {error['message']}",
                f"{report['recordsWritten']:,} records are safe; go on with: {resume}",
            )
        else:
            self.say(f"interrupted; {report['recordsWritten']:,} records are safe; go on with: {resume}")
            return INTERRUPTED
        return UNREACHABLE if error["code"] in _OUTSIDE else FAILED


class _Place:
    def __init__(self, document: dict[str, Any], root: str) -> None:
        self.document, self.root = document, root


def _overridden(file: DefinitionFile, options: dict[str, Any]) -> DefinitionFile:
    """The definition with what the flags say in place of its own words."""
    if not isinstance(file.value, dict):
        return file
    flags = {"recordCount": options["count"], "seed": options["seed"]}
    return file.with_value(file.value | {name: value for name, value in flags.items() if value is not None})


def _place(file: DefinitionFile, options: dict[str, Any]) -> _Place:
    """The definition with its destination, and the folder below which that lies.

    ``--to`` is typed by the person at the keyboard, so it may lead anywhere: its own folder is then the root.
    """
    document = dict(file.value) if isinstance(file.value, dict) else {}
    root = str(env.output_root())
    asked = document.get("destination")
    own = asked.get("config") if isinstance(asked, dict) and asked.get("type") == "FILE" else None
    if options["to"]:
        target = Path(options["to"]).absolute()
        root = str(target.parent)
        format_name = options["format"] or format_of(target.name)[0]
        config = dict(own) if isinstance(own, dict) and own.get("format", format_name) == format_name else {}
        config = {key: value for key, value in config.items() if key not in {"path", "compression"}}
        config |= {"path": target.name.replace("$", "$$")}
        if format_name:
            config["format"] = format_name
        document["destination"] = {"type": "FILE", "config": config}
    if options["checksum"] and isinstance(document.get("destination"), dict):
        destination = document["destination"]
        document["destination"] = {
            **destination,
            "config": {**(destination.get("config") or {}), "checksum": options["checksum"]},
        }
    if document.get("destination") is None:
        message = "the definition names no destination"
        raise Invalid([Issue("MISSING_PARAM", "/destination", message, "say where with --to PATH")])
    return _Place(document, root)


def _summary(report: dict[str, Any]) -> list[str]:
    amount = f"{report['recordsWritten']:,} records, {report['bytesWritten']:,} bytes"
    speed = f"{report['activeSeconds']:.2f} s ({report['averageRate']:,} records/s)"
    lines = [f"{amount} in {speed}, seed {report['effectiveSeed']}"]
    if report["endReason"] != "RECORD_COUNT":
        lines.append(f"ended by {report['endReason']}")
    shown = report["outputs"][:5]
    lines += [f"  {output['path']}  {output['checksum'] or ''}".rstrip() for output in shown]
    if len(report["outputs"]) > len(shown):
        lines.append(f"  … {len(report['outputs']) - len(shown)} more files, see manifest.json beside them")
    if "digest" in report:
        lines.append(f"digest {report['digest']}")
    return lines
