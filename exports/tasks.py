"""Background work. A task is only a nudge: the deliveries are the truth, so a lost task loses nothing."""

from django_tasks import task

from exports import delivering
from exports.models import Delivery, ExportAttempt


@task()
def deliver_attempt(attempt_id: int) -> None:
    """Deliver what is queued in an attempt."""
    attempt = ExportAttempt.objects.get(pk=attempt_id)
    queued = attempt.deliveries.filter(state=Delivery.State.QUEUED).count()
    if queued:
        delivering.deliver(attempt, queued=queued, until=attempt.ends_by)
