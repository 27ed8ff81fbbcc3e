"""`sdg run`: a definition's records, written to the end; or on from where an interrupted run stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from engine.errors import RecordInvalid
from engine.issues import UNREACHABLE as UNREACHABLE_CODES
from engine.issues import Issue
from generators.definition_command import WHERE_FROM, DefinitionCommand
from generators.definition_files import DefinitionFile, choose_definition, instant
from generators.digest import digest_obstacles, run_digest
from generators.enums import RunStatus
from generators.flags import Directed, counted, directed
from generators.models import Run
from generators.planning import check_server, place_of_run, plan_of_run
from generators.progress import Bar
from generators.report import lost_outputs, run_report, shown_path, summary
from generators.run_spec import RunSpec
from generators.runs.local import Stop, carry_run, interruptible
from generators.runs.rejects import skipped_records
from generators.services.runs import RunOrder, find_own_run, is_start_lost, progress_of, start_run
from generators.services.validation import validate_definition
from generators.standard_output import write_to
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, FAILED, INTERRUPTED, UNREACHABLE
from sdg_project.database import ready_database
from sdg_project.documents import STANDARD_OUTPUT as DASH
from sdg_project.errors import Invalid
from sdg_project.text import amount
from sinks.encoding.base import encoders
from sinks.enums import Checksum


class Command(DefinitionCommand):
    help = "Validate a definition and make its records, to the end; or go on with a run that was interrupted."
    example = "sdg run orders.yaml --count 1e6 --to orders.jsonl --seed 42"

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("definition", nargs="?", metavar="DEFINITION", help=WHERE_FROM)
        what.add_argument("--resume", metavar="RUN|last", help="go on exactly where the destination stands")
        parser.add_argument(
            "--skip-failed", action="store_true", help="with --resume: leave out the record at which the run has failed"
        )
        parser.add_argument("--generator", metavar="NAME", help="only this one, when the file holds several")
        parser.add_argument("--count", type=whole_number, metavar="N", help="how many records, such as 1e6")
        parser.add_argument(
            "--to", metavar="PATH", help="file to write; its suffix tells format and compression; - is standard output"
        )
        parser.add_argument(
            "--format",
            type=str.upper,
            choices=list(encoders),
            metavar="FORMAT",
            help="format of --to, where the suffix does not tell: jsonl, csv, parquet or avro",
        )
        parser.add_argument("--seed", type=whole_number, metavar="N", help="same seed, same records")
        parser.add_argument("--started-at", type=instant, metavar="INSTANT", help="what now, and the clock, refer to")
        parser.add_argument("--workers", type=whole_number, default=None, metavar="N", help="processes; default 1")
        self.add_set(parser)
        parser.add_argument("--overwrite", action="store_true", help="replace a file that something else wrote, too")
        parser.add_argument(
            "--checksum",
            type=str.upper,
            choices=[word.value for word in Checksum],
            metavar="CHECKSUM",
            help="checksum of the files: xxh128 (the default), sha256 or none",
        )
        parser.add_argument("--digest", action="store_true", help="also compute the digest of the records")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")
        parser.add_argument("--quiet", action="store_true", help="no progress, no summary")

    def carry_out(self, options: dict[str, Any]) -> int:
        self._refuse_senseless(options)
        if options["resume"] is not None:
            ready_database()
            run = find_own_run(options["resume"], action="resume")
            self._introduce(run, options)
            check_server(run)
            if obstacles := _digest_obstacles(run.spec["document"], options):
                return self.refuse(obstacles)
            return self._carry(run, options)
        contents = self.read(options)
        if options["generator"] is not None:
            contents = replace(contents, definitions=(choose_definition(contents, options["generator"]),))
        if options["to"] and len(contents.definitions) > 1:
            message = f"--to names one file, but there are {len(contents.definitions)} generators"
            raise Invalid([Issue("INVALID_VALUE", "", message, "choose one with --generator NAME")])
        if contents.issues or len(contents.definitions) > 1:
            code = self.refuse_broken(contents, lambda file: [_with_hint(one) for one in _errors_of(file, options)])
            if code:
                return code
        ready_database()
        code = DONE
        for file in contents.definitions:
            code = max(code, self._run(file, options))
            if code == INTERRUPTED:
                break
        return code

    def _refuse_senseless(self, options: dict[str, Any]) -> None:
        """Raise Invalid with every flag that means nothing beside the others."""
        issues: list[Issue] = []

        def refuse(names: Sequence[str], why: str) -> None:
            given = [f"--{name.replace('_', '-')}" for name in names if options[name]]
            issues.extend(Issue("PROPERTY_NOT_ALLOWED", "", f"{flag} {why}") for flag in given)

        workers = options["workers"]
        if workers is not None and not 1 <= workers <= 512:
            issues.append(Issue("INVALID_VALUE", "", f"--workers must be between 1 and 512, not {workers}"))
        if options["to"] == "":
            issues.append(Issue("INVALID_VALUE", "", "--to needs a path, or - for standard output"))
        if options["resume"] is not None:
            kept = ("generator", "count", "to", "format", "seed", "started_at", "set", "overwrite", "checksum")
            refuse(kept, "does not go with --resume: a run keeps what it was started with")
        else:
            refuse(("skip_failed",), "goes with --resume only: it leaves out the record at which a run has failed")
            if options["to"] == DASH:
                refuse(("overwrite", "checksum"), "does not go with --to -: it is about files")
                if (workers or 1) > 1:
                    refuse(("workers",), "does not go with --to -: one process writes there")
            if options["to"] is None:
                refuse(("format",), "is the format of --to; otherwise use --set destination.config.format=FORMAT")
        if issues:
            raise Invalid(issues)

    def _run(self, file: DefinitionFile, options: dict[str, Any]) -> int:
        aim = _directed(file, options)
        file = aim.definition
        try:
            if obstacles := _digest_obstacles(file.value, options):
                raise Invalid(obstacles)
            if options["to"] == DASH:
                return self._to_standard_output(file, options)
            run, notes = start_run(
                file.value,
                RunOrder(
                    owner=file.owner(str(Path(options["to"]).absolute()) if options["to"] else ""),
                    root=aim.root,
                    overwrite=options["overwrite"],
                    overwrite_hint="add --overwrite to replace it",
                    started_at=options["started_at"],
                    workers=options["workers"] or 1,
                    own_pools=file.own_pools,
                ),
            )
        except Invalid as error:
            return self.refuse([_with_hint(issue) for issue in error.issues], file.where)
        if not options["quiet"]:
            self.show_issues(notes, file.where)
        return self._carry(run, options)

    def _to_standard_output(self, file: DefinitionFile, options: dict[str, Any]) -> int:
        try:
            report = write_to(
                sys.stdout.buffer,
                file,
                started_at=options["started_at"],
                digest=options["digest"],
                tell=lambda notes: None if options["quiet"] else self.show_issues(notes, file.where),
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
            self.say(f"{amount(report['recordsWritten'], 'record')} to standard output, seed {report['effectiveSeed']}")
            self._say_what_failed(report)
        return FAILED if report["recordsFailed"] else DONE

    def _say_what_failed(self, report: Mapping[str, Any]) -> None:
        if report["recordsFailed"]:
            self.say(f"left out {amount(report['recordsFailed'], 'record')} that could not be made")
        if report["status"] == "FAILED":
            self.say(f"{report['lastError']['code']}: {report['lastError']['message']}")

    def _carry(self, run: Run, options: dict[str, Any]) -> int:
        """Work on a run, with a bar, until it ends one way or another; then say how."""
        if run.status == RunStatus.COMPLETED and not options["skip_failed"]:
            if lost := lost_outputs(run):
                message = f"the run was complete, but {', '.join(lost)} is not there any more as it was written"
                return self.refuse([Issue("DEST_REGRESSED", "", message, "run its definition again")])
            self.say("it was complete already: this is what it wrote then")
        else:
            stop = Stop()
            quiet = options["quiet"] or options["json"]
            with interruptible(stop), nullcontext() if quiet else Bar(run) as bar:

                def show() -> None:
                    if bar is not None:
                        bar.show(progress_of(run)["records"])

                workers = options["workers"] or RunSpec.from_json(run.spec).workers
                carry_run(run, workers=workers, stop=stop, on_progress=show, skip_failed=options["skip_failed"])
        return self._report(run, options)

    def _introduce(self, run: Run, options: dict[str, Any]) -> None:
        """Say which run it is that is gone on with, since nobody has named it by its definition."""
        if options["quiet"]:
            return
        path = shown_path(place_of_run(run))
        self.say(f'run {run.pk} of "{run.name}" to {path}, started {run.created_at:%Y-%m-%d %H:%M:%S} UTC')
        if options["resume"] == "last" and is_start_lost(run):
            self.say("a later start came to nothing before it was a run: start that again with sdg run DEFINITION")

    def _report(self, run: Run, options: dict[str, Any]) -> int:
        report = run_report(run)
        if options["digest"] and run.status == RunStatus.COMPLETED:
            report["digest"] = run_digest(plan_of_run(run), run.spans, skipped=skipped_records(run))
        if options["json"]:
            self.stdout.write(json.dumps(report))
        elif run.status == RunStatus.COMPLETED and not options["quiet"]:
            for line in summary(report):
                self.say(line)
        if run.status == RunStatus.COMPLETED:
            if not options["quiet"]:
                self._say_what_failed(report)
            return FAILED if report["recordsFailed"] else DONE
        error = run.error or {}
        resume = f"sdg run --resume {run.pk}"
        if error:
            self.say(f"{error['code']}: {error['message']}", "\n  ".join(_ways_on(report, error, resume)))
        else:
            self.say(f"interrupted; {report['recordsWritten']:,} records are safe; go on with: {resume}")
            return INTERRUPTED
        return UNREACHABLE if error["code"] in UNREACHABLE_CODES else FAILED


def _ways_on(report: Mapping[str, Any], error: Mapping[str, Any], resume: str) -> list[str]:
    """What a run has kept that did not come to its end, and what can be done about it."""
    kept = f"{amount(report['recordsWritten'], 'record')} safe"
    if error.get("recordIndex") is None or error["code"] == "POISON":
        ways = [f"{kept}; go on with: {resume}"]
    else:
        ways = [
            f"{kept}; try this one again with: {resume}",
            f"leave it out with: {resume} --skip-failed",
            "a run with onError CONTINUE leaves out all that cannot be made",
        ]
    if report["recordsWritten"]:
        ways.append(f"end here, and see what there is, with: sdg runs stop {report['runId']}")
    return ways


def _directed(file: DefinitionFile, options: dict[str, Any]) -> Directed:
    """The definition with what the flags say in place of its own words."""
    file = counted(file, count=options["count"], seed=options["seed"])
    return directed(file, to=options["to"], format_name=options["format"], checksum=options["checksum"])


def _errors_of(file: DefinitionFile, options: dict[str, Any]) -> Sequence[Issue]:
    """What stands against running a definition, as far as that can be said without looking at the destination."""
    aim = _directed(file, options)
    validation = validate_definition(
        aim.definition.value,
        own_pools=file.own_pools,
        updated_at=file.updated_at,
        root=aim.root,
        preview=0,
        destination_required=True,
    )
    return [*validation.errors, *_digest_obstacles(file.value, options)]


def _digest_obstacles(document: Any, options: dict[str, Any]) -> Sequence[Issue]:
    """What stands against ``--digest``, if that is asked for."""
    if not options["digest"] or not isinstance(document, dict):
        return ()
    return [replace(issue, message=f"--digest: {issue.message}") for issue in digest_obstacles(document)]


def _with_hint(issue: Issue) -> Issue:
    is_nowhere = (issue.code, issue.path) == ("MISSING_PARAM", "/destination")
    return replace(issue, hint="say where with --to PATH") if is_nowhere else issue
