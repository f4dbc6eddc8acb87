"""How the states of exports, deliveries, corrections and grades look."""

from common.admin.cells import PILLS

PILLS |= {
    "NOT_EXPORTED": ("plain", "remove"),
    "EXPORTED": ("success", "check"),
    "DELIVERED": ("success", "check"),
    "REFUSED": ("warning", "block"),
    "REJECTED": ("danger", "cancel"),
    # of a correction
    "ASKED": ("warning", "pending_actions"),
    "APPROVED": ("info", "how_to_reg"),
    "DECLINED": ("plain", "block"),
    # of a grade in Learn
    "CONFIRMED": ("success", "check"),
    "DOUBTFUL": ("warning", "help"),
    # of a grade that was read back
    "PROVEN": ("success", "verified"),
    "DIFFERENT": ("danger", "difference"),
    "ABSENT": ("danger", "hide_source"),
    "KEPT": ("plain", "handshake"),
    "UNREADABLE": ("warning", "visibility_off"),
    "UNREAD": ("plain", "hourglass_empty"),
    # of a digest, or of a message to a webhook
    "WAITING": ("info", "schedule"),
    "SENT": ("success", "check"),
    "GIVEN_UP": ("danger", "error"),
    # of a subscription
    "ON": ("success", "check"),
    "OFF": ("plain", "notifications_off"),
    "NO_ADDRESS": ("warning", "alternate_email"),
    # of a rehearsal
    "SEND": ("info", "send"),
    "ALREADY_EXPORTED": ("success", "check"),
    # of people on a roster, and of a flow with such people
    "INCOMPLETE": ("warning", "person_search"),
    "MISSING": ("warning", "person_search"),
    "LEFT_ROSTER": ("plain", "person_off"),
    # of a hold
    "HELD": ("warning", "pause_circle"),
    "PAUSED": ("warning", "pause_circle"),
    "RELEASED": ("plain", "play_circle"),
    # of a problem
    "ERROR": ("danger", "error"),
    "WARNING": ("warning", "warning"),
    "NOTE": ("warning", "info"),
    # of a reconciliation
    "DIFFERENT_IN_LEARN": ("danger", "difference"),
    "ABSENT_IN_LEARN": ("danger", "hide_source"),
    "CHANGED_IN_WISEFLOW": ("danger", "change_circle"),
    "GONE_IN_WISEFLOW": ("danger", "remove_circle"),
    "EXPORTED_THERE_ONLY": ("danger", "report"),
    "NOT_DELIVERED": ("danger", "error"),
    "GRADED_NOT_EXPORTED": ("warning", "outbox"),
    "NOT_LISTED": ("warning", "person_off"),
    "LEFT_BEHIND": ("warning", "wrong_location"),
    "DELIVERED_BUT_FAILED_THERE": ("warning", "sync_problem"),
    "DELIVERED_BUT_NOT_THERE": ("warning", "sync_problem"),
    "NOT_GRADED": ("warning", "person_search"),
    "NOT_READABLE": ("plain", "visibility_off"),
    "NOT_COMPARABLE": ("plain", "help"),
    "READ_BEFORE": ("plain", "history"),
    "IN_PROGRESS": ("info", "schedule"),
    "NOT_DUE": ("plain", "schedule"),
    "DECIDED": ("plain", "gavel"),
    "CORRECTED": ("plain", "edit_note"),
    "PULLED": ("plain", "cloud_download"),
    "SKIPPED": ("plain", "block"),
    "DEACTIVATED": ("plain", "person_off"),
    "NOT_READ": ("plain", "pending"),
    "NOTHING": ("plain", "remove"),
    "AGREES": ("success", "check"),
}
