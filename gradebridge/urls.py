"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from common.history.pages import all_changes
from courses.admin.connection import connection_page
from exports.admin.health import mapping_health
from exports.admin.rehearsals import rehearse_page
from exports.api.errors import NoSuchAddressView
from gradebridge import health

READ = ["get", "head"]  # a page of the API's description cannot render the answer to OPTIONS

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("exports.api.urls")),
    re_path(r"^admin$", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/changes/", admin.site.admin_view(all_changes), name="changes"),
    path("admin/connection/", admin.site.admin_view(connection_page), name="connection"),
    path("admin/health/", admin.site.admin_view(mapping_health), name="mapping-health"),
    path("admin/rehearse/", admin.site.admin_view(rehearse_page), name="rehearse"),
    path("admin/rehearse/<int:flow>/", admin.site.admin_view(rehearse_page), name="rehearse-flow"),
    path("admin/", admin.site.urls),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(http_method_names=READ), name="schema"),
    re_path(r"^api/docs/?$", SpectacularSwaggerView.as_view(url_name="schema", http_method_names=READ), name="docs"),
    re_path(r"^api(?:/|$)", NoSuchAddressView.as_view()),
    re_path(r"^health/live/?$", health.live),
    re_path(r"^health/ready/?$", health.ready),
    re_path(r"^metrics/?$", health.metrics),
]
