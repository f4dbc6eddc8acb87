"""How the admin looks: name, colours, side bar, tabs. Everything it loads is served by the site itself."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _


def may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perms(permissions)


def page(title: str | Promise, icon: str, model: str, permission: str) -> dict[str, Any]:
    """One line of the side bar: the list of a model, for whoever has the permission."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": may(permission),
    }


def tab(title: str | Promise, model: str, **filters: str) -> dict[str, Any]:
    """One filter of a list as a tab, which keeps the search and all other filters. The filters that tabs set are
    listed in TAB_FILTERS.
    """

    def link(request: HttpRequest) -> str:
        kept = {name: given for name, given in request.GET.lists() if name not in LEFT_BY_TABS}
        return f"{reverse(f'admin:{model}_changelist')}?{urlencode({**kept, **filters}, doseq=True)}"

    return {
        "title": title,
        "link": link,
        "active": lambda request: {name: request.GET[name] for name in TAB_FILTERS if name in request.GET} == filters,
    }


TAB_FILTERS = (
    *("state__exact", "missing", "late", "changed_since_export__exact", "changed", "undelivered"),
    "kind__exact",
    *("whereabouts", "certainty__exact", "status"),
    # What is only said of the failed
    "proof",
    *("attention", "waiting", "failures", "cause__exact", "failed_since"),
)
LEFT_BY_TABS = (*TAB_FILTERS, "p", "e")  # also which page of the list, and that its address was refused

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
    "ACCOUNT": {"navigation": "common.signing_in.links.account_links"},
    "SITE_TITLE": "GradeBridge",
    "SITE_HEADER": "GradeBridge",
    "SITE_SUBHEADER": _("WISEflow to Blackboard Learn"),
    "SITE_ICON": lambda _request: static("gradebridge/symbol.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("gradebridge/symbol.svg")}
    ],
    "SHOW_LANGUAGES": True,
    "SITE_URL": "",  # there is no other site to return to
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _request: static("gradebridge/admin.css")],
    "SCRIPTS": [lambda _request: static("gradebridge/accessible.js")],
    "COLORS": {"primary": PRIMARY},
    "DASHBOARD_CALLBACK": "exports.admin.desk.dashboard.dashboard",
    "COMMAND": {"search_callback": "exports.admin.desk.finding.search"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "items": [
                    {"title": _("Dashboard"), "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    {
                        "title": _("My notifications"),
                        "icon": "notifications",
                        "link": reverse_lazy("my-notifications"),
                    },
                ]
            },
            {
                "title": _("Exports"),
                "separator": True,
                "items": [
                    page(_("Flows"), "assignment", "exports_flow", "exports.view_flow"),
                    page(_("Participants"), "group", "exports_participant", "exports.view_participant"),
                    page(_("Attempts"), "history", "exports_exportattempt", "exports.view_exportattempt"),
                    page(_("Retries"), "replay", "exports_retryrun", "exports.view_retryrun"),
                    page(_("Corrections"), "rule", "exports_correction", "exports.view_correction"),
                    page(_("Decisions"), "balance", "exports_decision", "exports.view_decision"),
                    page(_("Exemptions"), "lock_open", "exports_exemption", "exports.view_exemption"),
                    page(_("Grades in Learn"), "fact_check", "exports_gradeinlearn", "exports.view_gradeinlearn"),
                    page(_("Holds"), "pause_circle", "exports_hold", "exports.view_hold"),
                    page(_("Deliveries"), "local_shipping", "exports_delivery", "exports.view_delivery"),
                    page(_("Calls to Learn"), "swap_vert", "courses_servicecall", "courses.view_servicecall"),
                    page(_("Refused requests"), "block", "exports_refusedrequest", "exports.view_refusedrequest"),
                    {
                        "title": _("Reconciliation"),
                        "icon": "compare_arrows",
                        "link": reverse_lazy("reconciliation"),
                        "permission": may("exports.view_flow", "exports.view_participant", "exports.view_gradeinlearn"),
                    },
                    {
                        "title": _("Mapping health"),
                        "icon": "health_and_safety",
                        "link": reverse_lazy("mapping-health"),
                        "permission": may("exports.view_flow"),
                    },
                    {
                        "title": _("Rehearse an export"),
                        "icon": "play_circle",
                        "link": reverse_lazy("rehearse"),
                        "permission": may("exports.view_flow", "exports.view_participant"),
                    },
                ],
            },
            {
                "title": _("Learn"),
                "separator": True,
                "items": [
                    page(_("Courses"), "school", "courses_course", "courses.view_course"),
                    page(_("Grade columns"), "view_column", "courses_gradecolumn", "courses.view_gradecolumn"),
                    page(_("Grade schemas"), "format_list_numbered", "courses_gradeschema", "courses.view_gradeschema"),
                    page(
                        _("Enrolment metadata"), "badge", "courses_enrolmentmetadata", "courses.view_enrolmentmetadata"
                    ),
                    page(
                        _("Provisioning runs"),
                        "cloud_upload",
                        "courses_provisioningrun",
                        "courses.view_provisioningrun",
                    ),
                    page(_("Translations"), "translate", "exports_translation", "exports.view_translation"),
                ],
            },
            {
                "title": _("Administration"),
                "separator": True,
                "items": [
                    {
                        "title": _("Guided start"),
                        "icon": "checklist",
                        "link": reverse_lazy("guided-start"),
                        "permission": may("exports.change_flow"),
                    },
                    page(_("API clients"), "key", "exports_apiclient", "exports.view_apiclient"),
                    page(_("Request profiles"), "data_object", "exports_requestprofile", "exports.view_requestprofile"),
                    {
                        "title": _("Connection to Learn"),
                        "icon": "cable",
                        "link": reverse_lazy("connection"),
                        "permission": may("courses.provision"),
                    },
                    {
                        "title": _("System"),
                        "icon": "monitor_heart",
                        "link": reverse_lazy("system"),
                        "permission": may("courses.provision"),
                    },
                    {
                        "title": _("Changes"),
                        "icon": "manage_history",
                        "link": reverse_lazy("changes"),
                        "permission": "common.history.pages.may_see_changes",
                    },
                    {
                        "title": _("Evidence"),
                        "icon": "verified",
                        "link": reverse_lazy("admin:exports_evidence_changelist"),
                        "permission": may("exports.view_evidence", "exports.change_flow"),
                    },
                    {
                        "title": _("Retention"),
                        "icon": "auto_delete",
                        "link": reverse_lazy("retention"),
                        "permission": may("exports.view_purgerun"),
                    },
                    page(_("Webhooks"), "webhook", "exports_webhook", "exports.change_webhook"),
                    page(_("Subscriptions"), "notifications", "exports_subscription", "exports.view_subscription"),
                    page(_("Digests"), "mail", "exports_digest", "exports.view_digest"),
                    page(_("Users"), "person", "auth_user", "auth.view_user"),
                    page(_("Groups"), "badge", "auth_group", "auth.view_group"),
                    page(
                        _("Tasks"),
                        "task",
                        "django_tasks_database_dbtaskresult",
                        "django_tasks_database.view_dbtaskresult",
                    ),
                ],
            },
        ],
    },
    "TABS": [
        {
            "models": [f"exports.{name}"],
            "items": [
                tab(_("All"), f"exports_{name}"),
                tab(_("Failed"), f"exports_{name}", state__exact="FAILED"),
                *missing,
                tab(_("In progress"), f"exports_{name}", state__exact="QUEUED"),
                tab(_("Exported"), f"exports_{name}", state__exact="EXPORTED"),
                *changed,
            ],
        }
        for name, missing, changed in [
            (
                "flow",
                [
                    tab(_("Needs attention"), "exports_flow", attention="yes"),
                    tab(_("Incomplete"), "exports_flow", missing="yes"),
                    tab(_("Expected, not arrived"), "exports_flow", late="yes"),
                ],
                [
                    tab(_("Changed since export"), "exports_flow", changed="yes"),
                    tab(_("Different in Learn"), "exports_flow", proof="differences"),
                ],
            ),
            (
                "participant",
                [tab(_("Missing"), "exports_participant", missing="yes")],
                [
                    tab(_("Changed since export"), "exports_participant", changed_since_export__exact="1"),
                    tab(_("Different in Learn"), "exports_participant", proof="differences"),
                ],
            ),
            ("exportattempt", [], []),
        ]
    ]
    + [
        {
            "models": ["exports.correction"],
            "items": [
                tab(_("All"), "exports_correction"),
                tab(_("Waiting for approval"), "exports_correction", state__exact="ASKED"),
                tab(_("Waiting for me"), "exports_correction", waiting="for_me"),
                tab(_("Approved"), "exports_correction", state__exact="APPROVED"),
                tab(_("Declined"), "exports_correction", state__exact="DECLINED"),
                tab(_("Approved, not in Learn yet"), "exports_correction", undelivered="yes"),
            ],
        },
        {
            "models": ["exports.decision"],
            "items": [
                tab(_("All"), "exports_decision"),
                tab(_("Waiting for approval"), "exports_decision", state__exact="ASKED"),
                tab(_("Waiting for me"), "exports_decision", waiting="for_me"),
                tab(_("Learn's grade kept"), "exports_decision", kind__exact="KEEP"),
                tab(_("Declined"), "exports_decision", state__exact="DECLINED"),
            ],
        },
        {
            "models": ["exports.exemption"],
            "items": [
                tab(_("All"), "exports_exemption"),
                tab(_("Waiting for approval"), "exports_exemption", state__exact="ASKED"),
                tab(_("Waiting for me"), "exports_exemption", waiting="for_me"),
                tab(_("Approved"), "exports_exemption", state__exact="APPROVED"),
                tab(_("Declined"), "exports_exemption", state__exact="DECLINED"),
            ],
        },
        {
            "models": ["exports.hold"],
            "items": [
                tab(_("All"), "exports_hold"),
                tab(_("Held now"), "exports_hold", status="open"),
                tab(_("Released"), "exports_hold", status="released"),
            ],
        },
        {
            "models": ["exports.gradeinlearn"],
            "items": [
                tab(_("In Learn"), "exports_gradeinlearn"),
                tab(_("Different in Learn"), "exports_gradeinlearn", proof="differences"),
                tab(_("Not readable"), "exports_gradeinlearn", proof="UNREADABLE"),
                tab(_("Not read back yet"), "exports_gradeinlearn", proof="UNREAD"),
                tab(_("Left behind"), "exports_gradeinlearn", whereabouts="left_behind"),
                tab(_("Not confirmed"), "exports_gradeinlearn", certainty__exact="DOUBTFUL"),
                tab(_("No longer in Learn"), "exports_gradeinlearn", whereabouts="ended"),
            ],
        },
    ],
}
