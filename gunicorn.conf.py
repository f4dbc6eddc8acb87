"""How `gunicorn gradebridge.wsgi` runs. Options on its command line and GUNICORN_CMD_ARGS win over these."""

import gc
import os
from typing import Any

import gradebridge.settings as site  # a bad environment ends the start here, with one line and not one a worker
from common import stopping
from gradebridge.environment import read, whole

bind = "127.0.0.1:" + os.environ.get("PORT", "8000")
worker_class = "gthread"
workers = read("WEB_CONCURRENCY", whole(least=1, most=64), default="2")
limit_request_line = 8190  # of bytes, the most there can be: a search by some hundred ids is one address
threads = 40  # most of an export's time is waiting for Learn
timeout = int(site.EXPORT_DEADLINE) + 30  # a worker that is silent for longer is dead
graceful_timeout = stopping.KILLED_AFTER_SECONDS  # an export in flight ends early, and gets its answer, before that
control_socket_disable = True
logconfig_dict = site.LOGGING  # one shape and one clock for all lines; the site logs its requests itself


def post_worker_init(worker: Any) -> None:
    """What is loaded now stays: each collection of the garbage of an export would look through all of it again."""
    stopping.listen()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # an export makes ten thousands of objects, and hardly a circle among them
