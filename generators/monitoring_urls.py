"""The route that monitoring systems ask, at the root of the service."""

from __future__ import annotations

from django.urls import path

from generators.views import PrometheusView

urlpatterns = [path("metrics", PrometheusView.as_view())]
