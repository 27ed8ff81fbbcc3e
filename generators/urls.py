"""The routes of generators and runs."""

from __future__ import annotations

from django.urls import path

from generators.views import (
    DeadLettersView,
    GeneratorRunsView,
    GeneratorsView,
    GeneratorView,
    MetricsView,
    PauseView,
    RecordsView,
    ResumeView,
    RunDigestView,
    RunView,
    StartView,
    StopView,
    ValidateView,
)

urlpatterns = [
    path("generators", GeneratorsView.as_view()),
    path("generators/validate", ValidateView.as_view()),
    path("generators/<uuid:id>", GeneratorView.as_view()),
    path("generators/<uuid:id>/start", StartView.as_view()),
    path("generators/<uuid:id>/pause", PauseView.as_view()),
    path("generators/<uuid:id>/resume", ResumeView.as_view()),
    path("generators/<uuid:id>/stop", StopView.as_view()),
    path("generators/<uuid:id>/metrics", MetricsView.as_view()),
    path("generators/<uuid:id>/dead-letters", DeadLettersView.as_view()),
    path("generators/<uuid:id>/records", RecordsView.as_view()),
    path("generators/<uuid:id>/runs", GeneratorRunsView.as_view()),
    path("runs/<uuid:id>", RunView.as_view()),
    path("runs/<uuid:id>/digest", RunDigestView.as_view()),
]
