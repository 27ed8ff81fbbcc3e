"""The routes of pools."""

from __future__ import annotations

from django.urls import path

from pools.views import PoolContentView, PoolRefreshView, PoolRowsView, PoolsView, PoolView

urlpatterns = [
    path("pools", PoolsView.as_view()),
    path("pools/<str:poolName>", PoolView.as_view()),
    path("pools/<str:poolName>/refresh", PoolRefreshView.as_view()),
    path("pools/<str:poolName>/rows", PoolRowsView.as_view()),
    path("pools/<str:poolName>/content", PoolContentView.as_view()),
]
