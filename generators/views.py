"""Generators and runs over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from engine.issues import Issue
from engine.span import MAX_RECORDS, Span
from generators.dead_letter_answer import dead_letter_answer
from generators.enums import GenerationMode, GeneratorStatus
from generators.generator_answer import generator_answer
from generators.metrics_answer import metrics_answer
from generators.models import Generator, Run
from generators.planning import plan_of_run
from generators.prometheus import CONTENT_TYPE, prometheus_text
from generators.run_answer import run_answer, with_progress
from generators.schema import example_definition
from generators.services import catalog, lifecycle
from generators.services.dead_letters import dead_letters_of
from generators.services.metrics import metrics_of
from generators.services.monitoring import overview
from generators.validation_answer import validation_answer
from sdg_project.api import PAGE_PARAMETERS, ApiView, PlainText, page_of, page_response
from sdg_project.errors import Invalid
from sdg_project.openapi import PAGE, REFERENCE, operation, query
from sdg_project.requests import Query
from sdg_project.roles import Role, role_of
from sinks.destinations.base import destinations

MAX_RECORDS_A_CALL = 10_000
_TAG = "generators"


def _word(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=name)}


class PrometheusView(ApiView):
    """For monitoring systems, outside of the API's path where they look for it."""

    renderer_classes: ClassVar[list[Any]] = [PlainText]

    @operation(
        "getPrometheusMetrics",
        "Runs, workers and queue in Prometheus's text format; an ended run's series stay for five minutes",
        answer={"type": "string", "example": "sdg_workers_alive 2.0\n"},
        media_type="text/plain",
    )
    def get(self, request: Request) -> HttpResponse:
        Query(request).finish()
        return HttpResponse(prometheus_text(overview()), content_type=CONTENT_TYPE)


class GeneratorsView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.EDITOR}

    @operation(
        "listGenerators",
        "Generators, oldest first",
        answer="GeneratorResponse[]",
        parameters=[
            query("status", _word("GeneratorStatus"), "Only those in this status."),
            query("generationMode", _word("GenerationMode"), "Only those of this mode."),
            query("destinationType", _word("DestinationType"), "Only those that write there."),
            query("universeId", {"type": "string", "format": "uuid"}, "Only those of this universe."),
            query("search", {"type": "string", "maxLength": 200}, "Only those with this in name or description."),
            *PAGE,
        ],
        tag=_TAG,
    )
    def get(self, request: Request) -> Response:
        query = Query(request, "status", "generationMode", "destinationType", "universeId", "search", *PAGE_PARAMETERS)
        wanted = catalog.GeneratorFilter(
            status=query.word("status", GeneratorStatus),
            generation_mode=query.word("generationMode", GenerationMode),
            destination_type=query.word("destinationType", destinations),
            universe_id=query.uuid("universeId"),
            search=query.text("search", most=200),
        )
        page = page_of(query)
        query.finish()
        found = catalog.find_generators(wanted)
        return page_response(request, page, found.count(), [generator_answer(one) for one in found[page]])

    @operation(
        "createGenerator",
        "Store a generator",
        body="CreateGeneratorRequest",
        answer="GeneratorResponse",
        status=201,
        errors=[409],
        repeatable=True,
        tag=_TAG,
    )
    def post(self, request: Request) -> Response:
        Query(request).finish()
        generator = catalog.create_generator(request.data, by=request.user.get_username())
        return Response(generator_answer(generator), status=201)


class GeneratorView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"PUT": Role.EDITOR, "DELETE": Role.EDITOR}

    @operation("getGenerator", "One generator", answer="GeneratorResponse", errors=[404], tag=_TAG)
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002  # as the contract names it
        Query(request).finish()
        generator = catalog.get_generator(id)
        answer = generator_answer(generator)
        if generator.status in {GeneratorStatus.RUNNING, GeneratorStatus.PAUSED}:
            answer["metrics"] = metrics_answer(metrics_of(id))
        return Response(answer)

    @operation(
        "updateGenerator",
        "Replace a generator's definition",
        body="UpdateGeneratorRequest",
        answer="GeneratorResponse",
        errors=[404, 409],
        tag=_TAG,
    )
    def put(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        return Response(generator_answer(catalog.update_generator(id, request.data)))

    @operation("deleteGenerator", "Remove a generator; its runs stay", answer=None, errors=[404, 409], tag=_TAG)
    def delete(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        lifecycle.delete_generator(id)
        return Response(status=200)


class ValidateView(ApiView):
    @operation(
        "validateGenerator",
        "Say all that is wrong with a definition, and what it would make; changes nothing",
        body={"application/json": {"example": example_definition()}},  # any JSON is answered with what is wrong with it
        answer="Validation",
        parameters=[
            query("preview", {"type": "integer", "minimum": 0, "maximum": 100, "default": 5}, "How many records."),
            query("strict", {"type": "boolean", "default": False}, "Warnings count as errors."),
            query("acknowledge", {"type": "array", "items": {"type": "string"}}, "Ids of issues that are accepted."),
            query(
                "checkConnections",
                {"type": "boolean", "default": False},
                "Ask the destination's server, too; for editors.",
            ),
        ],
        repeatable=True,
        tag=_TAG,
    )
    def post(self, request: Request) -> Response:
        query = Query(request, "preview", "strict", "acknowledge", "checkConnections")
        preview = query.integer("preview", 5, least=0, most=100)
        strict, acknowledged = query.flag("strict"), query.texts("acknowledge")
        check_connections = query.flag("checkConnections")
        query.finish()
        role = role_of(request.user)
        if check_connections and (role is None or not role.includes(Role.EDITOR)):
            raise PermissionDenied  # whom a definition may let the service connect to is for those who may store one
        validation = catalog.validate_request(request.data, preview=preview, check_connections=check_connections)
        return Response(validation_answer(validation, strict=strict, acknowledged=acknowledged))


class StartView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.OPERATOR}

    @operation(
        "startGenerator",
        "Start a new run",
        body="StartOptions",
        answer="GeneratorResponse",
        errors=[404, 409, 503],
        repeatable=True,
        tag=_TAG,
    )
    def post(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        options = lifecycle.read_start_options(request.data)
        return _after(lifecycle.start_generator(id, options, by=request.user.get_username()))


def _action_view(name: str, summary: str, act: Callable[[UUID], Generator], *, errors: Sequence[int]) -> type[ApiView]:
    """The view of an action on a generator's run, which takes no parameters."""

    class ActionView(ApiView):
        roles: ClassVar[Mapping[str, Role]] = {"POST": Role.OPERATOR}

        @operation(name, summary, answer="GeneratorResponse", errors=errors, repeatable=True, tag=_TAG)
        def post(self, request: Request, id: UUID) -> Response:  # noqa: A002
            _refuse_body(request)
            return _after(act(id))

    return ActionView


PauseView = _action_view(
    "pauseGenerator",
    "Let the run come to its next commit and stay there",
    lifecycle.pause_generator,
    errors=[404, 409],
)
StopView = _action_view(
    "stopGenerator", "End the run here; what it has written stays", lifecycle.stop_generator, errors=[404, 409]
)


class ResumeView(ApiView):
    roles: ClassVar[Mapping[str, Role]] = {"POST": Role.OPERATOR}

    @operation(
        "resumeGenerator",
        "Let a paused or failed run go on exactly where it stands",
        body="ResumeOptions",
        answer="GeneratorResponse",
        errors=[404, 409, 503],
        repeatable=True,
        tag=_TAG,
    )
    def post(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        options = lifecycle.read_resume_options(request.data)
        return _after(lifecycle.resume_generator(id, skip_failed=options.skip_failed))


def _after(generator: Generator) -> Response:
    """The answer to an action: the generator, and how many records are not durable yet."""
    run = generator.last_run
    return Response({**generator_answer(generator), "inFlight": lifecycle.in_flight(run) if run else 0})


def _refuse_body(request: Request) -> None:
    """These actions take no parameters; a body that has some is a mistake."""
    Query(request).finish()
    if request.data not in (None, {}):
        raise Invalid([Issue("UNKNOWN_PROPERTY", "", "this action takes no parameters", "send no body, or {}")])


class RecordsView(ApiView):
    @operation(
        "listRecords",
        "Any records of a generator or of one of its runs, computed anew",
        answer="Records",
        parameters=[
            query("start", {"type": "integer", "minimum": 0, "maximum": MAX_RECORDS, "default": 0}, "First record."),
            query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_RECORDS_A_CALL, "default": 100},
                "How many; start + limit is at most 10^12.",
            ),
            query("runId", {"type": "string", "format": "uuid"}, "Records of this run."),
        ],
        errors=[404, 409],
        tag=_TAG,
    )
    def get(self, request: Request, id: UUID) -> HttpResponse:  # noqa: A002
        query = Query(request, "start", "limit", "runId")
        limit = query.integer("limit", 100, least=1, most=MAX_RECORDS_A_CALL)
        start = query.integer("start", 0, least=0, most=MAX_RECORDS - limit)
        run_id = query.uuid("runId")
        query.finish()
        generator = catalog.get_generator(id)
        if run_id is None:
            plan, span = catalog.plan_of_generator(generator), Span(start, limit)
        else:
            run = catalog.run_of_generator(generator, run_id)
            plan = plan_of_run(run)
            span = Span(start, max(0, min(limit, run.spans[-1].end - start)))
        facts = {"effectiveSeed": plan.facts.seed, "runId": str(run_id) if run_id else None, "start": start}
        head = json.dumps(facts).removesuffix("}").encode()
        body = head + b', "records": ' + catalog.records_json(plan, span) + b"}"
        return HttpResponse(body, content_type="application/json")


class MetricsView(ApiView):
    @operation("getMetrics", "How far the last run is, and how fast", answer="MetricsResponse", errors=[404], tag=_TAG)
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        return Response(metrics_answer(metrics_of(id)))


class DeadLettersView(ApiView):
    @operation(
        "listDeadLetters",
        "Records that could not be made or written, those of the newest run first",
        answer="DeadLetter[]",
        parameters=[query("runId", {"type": "string", "format": "uuid"}, "Only those of this run."), *PAGE],
        errors=[404],
        tag=_TAG,
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        query = Query(request, "runId", *PAGE_PARAMETERS)
        run_id = query.uuid("runId")
        page = page_of(query)
        query.finish()
        letters = dead_letters_of(id, run_id=run_id)
        return page_response(request, page, letters.count(), [dead_letter_answer(one) for one in letters[page]])


class GeneratorRunsView(ApiView):
    @operation(
        "listRuns", "The runs of a generator, newest first", answer="Run[]", parameters=PAGE, errors=[404], tag="runs"
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        query = Query(request, *PAGE_PARAMETERS)
        page = page_of(query)
        query.finish()
        runs = catalog.get_generator(id).runs.order_by("-created_at", "id")
        answers = [run_answer(run) for run in with_progress(runs)[page]]
        return page_response(request, page, runs.count(), answers)


class RunView(ApiView):
    @operation("getRun", "One run", answer="Run", errors=[404], tag="runs")
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        catalog.get_run(id)
        return Response(run_answer(with_progress(Run.objects.filter(pk=id)).get()))


class RunDigestView(ApiView):
    @operation(
        "getRunDigest", "The digest of a run, from its definition", answer="RunDigest", errors=[404, 409], tag="runs"
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        Query(request).finish()
        run = catalog.get_run(id)
        digest: dict[str, Any] = {
            "runId": str(run.pk),
            "recordCount": sum(span.count for span in run.spans),
            "digest": catalog.digest_of_run(run),
        }
        return Response(digest)
