"""The routes of generators and runs."""

from __future__ import annotations

from django.urls import path

from generators.views import (
    GeneratorRunsView,
    GeneratorsView,
    GeneratorView,
    RecordsView,
    RunDigestView,
    RunView,
    ValidateView,
)

urlpatterns = [
    path("generators", GeneratorsView.as_view()),
    path("generators/validate", ValidateView.as_view()),
    path("generators/<uuid:id>", GeneratorView.as_view()),
    path("generators/<uuid:id>/records", RecordsView.as_view()),
    path("generators/<uuid:id>/runs", GeneratorRunsView.as_view()),
    path("runs/<uuid:id>", RunView.as_view()),
    path("runs/<uuid:id>/digest", RunDigestView.as_view()),
]
