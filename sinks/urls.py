"""The routes of connections."""

from __future__ import annotations

from django.urls import path

from sinks.views import ConnectionsView, ConnectionTestView, ConnectionView

urlpatterns = [
    path("connections", ConnectionsView.as_view()),
    path("connections/<str:connectionName>", ConnectionView.as_view()),
    path("connections/<str:connectionName>/test", ConnectionTestView.as_view()),
]
