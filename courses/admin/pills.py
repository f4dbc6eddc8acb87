"""How the states of what GradeBridge creates in Learn look."""

from common.admin.cells import PILLS

PILLS |= {
    "NOT_PROVISIONED": ("plain", "remove"),
    "QUEUED": ("info", "schedule"),
    "SENDING": ("info", "sync"),
    "PROVISIONED": ("success", "check"),
    "DELETING": ("warning", "auto_delete"),
    "DELETED": ("plain", "delete"),
    "RUNNING": ("info", "schedule"),
    "DONE": ("success", "check"),
    "FAILED": ("danger", "error"),
    "UNCONFIRMED": ("warning", "help"),
}
