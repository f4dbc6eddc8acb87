"""Who is sent a digest of what, and when."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from exports.grades.causes import Cause
from exports.models import Correction, Digest, Event
from exports.notifying.digests import make_digests, parts_of
from tests.factories import (
    CorrectionFactory,
    EventFactory,
    FlowFactory,
    GradeColumnFactory,
    ParticipantFactory,
    SubscriptionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def receivers():
    """Who has a digest, after the clock has made them."""
    make_digests(timezone.now())
    return {digest.user for digest in Digest.objects.all()}


def test_a_person_gets_one_digest_of_a_burst():
    person = SubscriptionFactory().user
    events = [EventFactory() for _number in range(50)]

    assert make_digests(timezone.now()) == 1

    digest = Digest.objects.get()
    assert (digest.user, set(digest.events.all())) == (person, set(events))
    assert make_digests(timezone.now()) == 0


def test_a_burst_is_over_when_nothing_has_come_for_a_minute():
    SubscriptionFactory()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        EventFactory(fresh=True)
        clock.shift(timedelta(seconds=40))
        EventFactory(fresh=True)
        clock.shift(timedelta(seconds=40))
        assert make_digests(timezone.now()) == 0

        clock.shift(timedelta(seconds=20))
        assert make_digests(timezone.now()) == 1

    assert Digest.objects.get().events.count() == 2


def test_a_burst_that_does_not_end_is_sent_after_five_minutes():
    SubscriptionFactory()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _number in range(10):
            EventFactory(fresh=True)
            assert make_digests(timezone.now()) == 0
            clock.shift(timedelta(seconds=30))
        EventFactory(fresh=True)

        assert make_digests(timezone.now()) == 1


def test_a_second_burst_joins_a_digest_that_waits_and_not_one_that_is_old_or_gone():
    SubscriptionFactory()
    EventFactory()
    make_digests(timezone.now())
    EventFactory()
    make_digests(timezone.now())
    assert Digest.objects.get().events.count() == 2

    Digest.objects.update(state=Digest.State.SENDING)
    EventFactory()
    make_digests(timezone.now())
    assert Digest.objects.count() == 2

    Digest.objects.update(state=Digest.State.WAITING, created_at=timezone.now() - timedelta(hours=2))
    EventFactory()
    make_digests(timezone.now())
    assert Digest.objects.count() == 3


@pytest.mark.parametrize(
    "subscription",
    [
        {"is_active": False},
        {"kinds": [Event.Kind.RETRY_FINISHED]},
        {"causes": [Cause.NOT_MAPPED]},
        {"user__is_active": False},
        {"user__email": ""},
        {"user__manager": False},
    ],
    ids=["switched off", "other kinds", "other causes", "inactive", "without an address", "may not see grades"],
)
def test_no_one_else_is_sent_anything(subscription):
    SubscriptionFactory(**subscription)
    EventFactory()

    assert receivers() == set()
    assert Event.objects.get().digested_at  # and it does not wait for them


def test_a_superuser_and_an_administrator_are_sent_what_they_want():
    people = {
        SubscriptionFactory(user__manager=False, user__is_superuser=True).user,
        SubscriptionFactory(user__manager=False, user__administrator=True).user,
    }
    EventFactory()

    assert receivers() == people


def test_a_subscription_to_courses_is_about_the_flows_that_lead_there():
    column = GradeColumnFactory()
    flow = FlowFactory()
    flow.column_mappings.create(grade_column=column)
    theirs = SubscriptionFactory(courses=[column.course]).user
    SubscriptionFactory(courses=[GradeColumnFactory().course])
    EventFactory(flow=flow)
    EventFactory(flow=FlowFactory())  # leads nowhere

    assert receivers() == {theirs}
    assert Digest.objects.get().events.get().flow == flow


def test_what_is_about_no_flow_is_about_all_courses():
    theirs = SubscriptionFactory(courses=[GradeColumnFactory().course]).user
    EventFactory(quota_short=True)

    assert receivers() == {theirs}


def test_a_choice_of_causes_is_about_failures_alone():
    theirs = SubscriptionFactory(causes=[Cause.LEARN_UNAVAILABLE]).user
    SubscriptionFactory(causes=[Cause.NOT_MAPPED], kinds=[Event.Kind.EXPORT_FAILED])
    other = SubscriptionFactory(causes=[Cause.NOT_MAPPED], kinds=[Event.Kind.QUOTA_SHORT]).user
    EventFactory()
    EventFactory(quota_short=True)

    assert receivers() == {theirs, other}


def test_a_correction_is_for_those_who_may_approve_it():
    approver = SubscriptionFactory().user
    asker = SubscriptionFactory().user
    viewer = SubscriptionFactory(user=UserFactory(email="viewer@example.edu")).user
    viewer.user_permissions.set(permissions("view_participant"))
    EventFactory(correction_waits=True, correction=CorrectionFactory(requested_by=asker))

    assert receivers() == {approver}


def test_a_correction_that_is_decided_needs_no_one():
    SubscriptionFactory()
    EventFactory(correction_waits=True, correction=CorrectionFactory(declined=True))

    assert Correction.objects.get().state == Correction.State.DECLINED
    assert receivers() == set()


def permissions(*codenames):
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename__in=codenames)


def test_a_site_without_a_mail_server_makes_no_digests(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    SubscriptionFactory()
    EventFactory()

    assert receivers() == set()
    assert Event.objects.get().digested_at  # they are not sent later, all at once


def test_it_costs_no_more_statements_for_more_events_and_people(django_assert_max_num_queries):
    SubscriptionFactory.create_batch(20)
    EventFactory.create_batch(30)
    EventFactory(correction_waits=True)
    ParticipantFactory()

    with django_assert_max_num_queries(16):
        assert make_digests(timezone.now()) == 20


def test_events_of_one_flow_are_one_line_and_flows_beyond_twenty_are_counted():
    flow = FlowFactory(flow_id="77", title="Biology")
    events = [EventFactory(flow=flow) for _number in range(3)] + [EventFactory() for _number in range(24)]

    [part] = parts_of(events)

    assert part.heading == "An export ended with failures"
    assert part.lines[0].flow == "77 Biology"
    assert part.lines[0].sentence == (
        "Attempts: 3. Delivered: 99. Not delivered: 21. Causes: Learn not available (21)."
    )
    assert (len(part.lines), part.more) == (20, 5)
