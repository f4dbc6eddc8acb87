"""All addresses of the site."""

from csp.decorators import csp_replace
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from common.history.pages import all_changes
from courses.admin.connection import connection_page
from exports.admin.desk.dashboard import dashboard_changes
from exports.admin.desk.guided_start import guided_start
from exports.admin.desk.notifications import my_notifications
from exports.admin.desk.reconciliation import reconciliation_of_all
from exports.admin.desk.retention import retention_page
from exports.admin.mapping.health import mapping_health
from exports.admin.mapping.learn_checks import check_all_with_learn
from exports.admin.mapping.rehearsals import rehearse_page
from exports.api.errors import NoSuchAddressView
from gradebridge.headers import NO_EVAL
from gradebridge.invitations import WelcomeView
from gradebridge.watching import health
from gradebridge.watching.metrics import metrics
from gradebridge.watching.system import system_page

handler400 = "exports.api.errors.refuse_malformed"
READ = ["get", "head"]  # a page of the API's description cannot render the answer to OPTIONS
docs = csp_replace(NO_EVAL)(SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=READ))

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("exports.api.urls")),
    path("", include("common.signing_in.urls")),
    path("welcome/<uidb64>/<token>/", WelcomeView.as_view(), name="welcome"),
    path("i18n/", include("django.conf.urls.i18n")),
    re_path(r"^admin$", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/changes/", admin.site.admin_view(all_changes), name="changes"),
    path("admin/connection/", admin.site.admin_view(connection_page), name="connection"),
    path("admin/dashboard/", admin.site.admin_view(dashboard_changes), name="dashboard-changes"),
    path("admin/health/", admin.site.admin_view(mapping_health), name="mapping-health"),
    path("admin/health/learn/", admin.site.admin_view(check_all_with_learn), name="check-with-learn"),
    path("admin/notifications/", admin.site.admin_view(my_notifications), name="my-notifications"),
    path("admin/reconciliation/", admin.site.admin_view(reconciliation_of_all), name="reconciliation"),
    path("admin/rehearse/", admin.site.admin_view(rehearse_page), name="rehearse"),
    path("admin/rehearse/<int:flow>/", admin.site.admin_view(rehearse_page), name="rehearse-flow"),
    path("admin/system/", admin.site.admin_view(system_page), name="system"),
    path("admin/retention/", admin.site.admin_view(retention_page), name="retention"),
    path("admin/start/", admin.site.admin_view(guided_start), name="guided-start"),
    path("admin/", admin.site.urls),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(http_method_names=READ), name="schema"),
    re_path(r"^api/docs/?$", docs, name="docs"),
    re_path(r"^api(?:/|$)", NoSuchAddressView.as_view()),
    re_path(r"^health/live/?$", health.live),
    re_path(r"^health/ready/?$", health.ready),
    re_path(r"^metrics/?$", metrics),
]
