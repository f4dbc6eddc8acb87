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
    # of a rehearsal
    "SEND": ("info", "send"),
    "ALREADY_EXPORTED": ("success", "check"),
    # of a problem
    "ERROR": ("danger", "error"),
    "NOTE": ("warning", "info"),
}
