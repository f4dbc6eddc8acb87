"""How the admin looks: name, colours, side bar, tabs. Everything it loads is served by the site itself."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy


def may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perms(permissions)


def page(title: str, icon: str, model: str, permission: str) -> dict[str, Any]:
    """One line of the side bar: the list of a model, for whoever has the permission."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": may(permission),
    }


def tab(title: str, model: str, **wanted: str) -> dict[str, Any]:
    """One filter of a list as a tab. The filters that tabs set are listed in TAB_FILTERS."""
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    return {
        "title": title,
        "link": lambda _request: f"{reverse(f'admin:{model}_changelist')}?{query}",
        "active": lambda request: {name: request.GET[name] for name in TAB_FILTERS if name in request.GET} == wanted,
    }


TAB_FILTERS = (
    *("state__exact", "changed_since_export__exact", "changed", "undelivered"),
    *("whereabouts", "certainty__exact"),
)

PRIMARY = {  # a calm blue; white on 600 has a contrast of 5.9 to 1
    "50": "oklch(97.5% .012 245)",
    "100": "oklch(95% .025 245)",
    "200": "oklch(90% .05 245)",
    "300": "oklch(82% .08 245)",
    "400": "oklch(74% .1 245)",
    "500": "oklch(66% .115 245)",
    "600": "oklch(50% .115 245)",
    "700": "oklch(44% .1 245)",
    "800": "oklch(38% .085 245)",
    "900": "oklch(32% .07 245)",
    "950": "oklch(24% .055 245)",
}

UNFOLD = {
    "SITE_TITLE": "GradeBridge",
    "SITE_HEADER": "GradeBridge",
    "SITE_SUBHEADER": "WISEflow to Blackboard Learn",
    "SITE_ICON": lambda _request: static("gradebridge/symbol.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("gradebridge/symbol.svg")}
    ],
    "SITE_URL": "",  # there is no other site to return to
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _request: static("gradebridge/admin.css")],
    "COLORS": {"primary": PRIMARY},
    "DASHBOARD_CALLBACK": "exports.admin.dashboard.dashboard",
    "SIDEBAR": {
        "navigation": [
            {"items": [{"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")}]},
            {
                "title": "Exports",
                "separator": True,
                "items": [
                    page("Flows", "assignment", "exports_flow", "exports.view_flow"),
                    page("Participants", "group", "exports_participant", "exports.view_participant"),
                    page("Attempts", "history", "exports_exportattempt", "exports.view_exportattempt"),
                    page("Corrections", "rule", "exports_correction", "exports.view_correction"),
                    page("Grades in Learn", "fact_check", "exports_gradeinlearn", "exports.view_gradeinlearn"),
                    page("Deliveries", "local_shipping", "exports_delivery", "exports.view_delivery"),
                    page("Calls to Learn", "swap_vert", "courses_servicecall", "courses.view_servicecall"),
                    {
                        "title": "Mapping health",
                        "icon": "health_and_safety",
                        "link": reverse_lazy("mapping-health"),
                        "permission": may("exports.view_flow"),
                    },
                    {
                        "title": "Rehearse an export",
                        "icon": "play_circle",
                        "link": reverse_lazy("rehearse"),
                        "permission": may("exports.view_flow", "exports.view_participant"),
                    },
                ],
            },
            {
                "title": "Learn",
                "separator": True,
                "items": [
                    page("Courses", "school", "courses_course", "courses.view_course"),
                    page("Grade columns", "view_column", "courses_gradecolumn", "courses.view_gradecolumn"),
                    page("Grade schemas", "format_list_numbered", "courses_gradeschema", "courses.view_gradeschema"),
                    page("Enrolment metadata", "badge", "courses_enrolmentmetadata", "courses.view_enrolmentmetadata"),
                    page(
                        "Provisioning runs", "cloud_upload", "courses_provisioningrun", "courses.view_provisioningrun"
                    ),
                    page("Translations", "translate", "exports_translation", "exports.view_translation"),
                ],
            },
            {
                "title": "Administration",
                "separator": True,
                "items": [
                    page("API clients", "key", "exports_apiclient", "exports.change_apiclient"),
                    page("Request profiles", "data_object", "exports_requestprofile", "exports.change_requestprofile"),
                    {
                        "title": "Connection to Learn",
                        "icon": "cable",
                        "link": reverse_lazy("connection"),
                        "permission": may("courses.provision"),
                    },
                    {
                        "title": "Changes",
                        "icon": "manage_history",
                        "link": reverse_lazy("changes"),
                        "permission": may("exports.change_flow"),
                    },
                    page("Users", "person", "auth_user", "auth.view_user"),
                    page("Groups", "badge", "auth_group", "auth.view_group"),
                    page(
                        "Tasks", "task", "django_tasks_database_dbtaskresult", "django_tasks_database.view_dbtaskresult"
                    ),
                ],
            },
        ],
    },
    "TABS": [
        {
            "models": [f"exports.{name}"],
            "items": [
                tab("All", f"exports_{name}"),
                tab("Failed", f"exports_{name}", state__exact="FAILED"),
                tab("Queued", f"exports_{name}", state__exact="QUEUED"),
                tab("Exported", f"exports_{name}", state__exact="EXPORTED"),
                *changed,
            ],
        }
        for name, changed in [
            ("flow", [tab("Changed since export", "exports_flow", changed="yes")]),
            ("participant", [tab("Changed since export", "exports_participant", changed_since_export__exact="1")]),
            ("exportattempt", []),
        ]
    ]
    + [
        {
            "models": ["exports.correction"],
            "items": [
                tab("All", "exports_correction"),
                tab("Waiting", "exports_correction", state__exact="ASKED"),
                tab("Approved", "exports_correction", state__exact="APPROVED"),
                tab("Declined", "exports_correction", state__exact="DECLINED"),
                tab("Approved, not in Learn yet", "exports_correction", undelivered="yes"),
            ],
        },
        {
            "models": ["exports.gradeinlearn"],
            "items": [
                tab("In Learn", "exports_gradeinlearn"),
                tab("Left behind", "exports_gradeinlearn", whereabouts="left_behind"),
                tab("Not certain", "exports_gradeinlearn", certainty__exact="DOUBTFUL"),
                tab("No longer in Learn", "exports_gradeinlearn", whereabouts="ended"),
            ],
        },
    ],
}
