"""The routes: the API below /api/v1, the admin below /admin/, and /metrics for monitoring."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from sdg_project.links import enter
from sdg_project.throttles import limit_logins
from sdg_project.views import DocsView, HealthView, MeView, SchemaView

admin.autodiscover()
admin.site.site_header = admin.site.site_title = "Synthetic data generator"
admin.site.index_title = "Generators, their runs, pools and connections"
admin.site.site_url = "/api/v1/docs"

urlpatterns = [
    path("api/v1/health", HealthView.as_view()),
    path("api/v1/me", MeView.as_view()),
    path("api/v1/schema", SchemaView.as_view(), name="schema"),
    path("api/v1/docs", DocsView.as_view()),
    path("api/v1/", include("generators.urls")),
    path("api/v1/", include("pools.urls")),
    path("api/v1/", include("sinks.urls")),
    path("", include("generators.monitoring_urls")),
    path("", RedirectView.as_view(url="/admin/")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/login/", limit_logins(admin.site.login)),
    path("admin/enter/<str:token>", limit_logins(enter)),
    path("admin/", admin.site.urls),
]

handler400 = "sdg_project.problems.bad_request"
handler403 = "sdg_project.problems.forbidden"
handler404 = "sdg_project.problems.not_found"
handler500 = "sdg_project.problems.failed"
