"""My notifications: each person's own page, and what administrators see of all."""

import pytest
from django.test import Client
from django.urls import reverse

from exports.grades.causes import Cause
from exports.models import Event, Subscription
from tests.factories import CourseFactory, DigestFactory, EventFactory, SubscriptionFactory, UserFactory
from tests.pages import rows_of, words_of
from tests.signed_in import messages_of, signed_in

pytestmark = pytest.mark.django_db

PAGE = "/admin/notifications/"
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


def browser_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def person():
    return UserFactory(manager=True, email="manager@example.edu")


def test_a_person_chooses_what_they_are_sent(person):
    client, course = browser_of(person), CourseFactory()

    answer = client.post(
        PAGE,
        {
            "is_active": "on",
            "kinds": [Event.Kind.EXPORT_FAILED, Event.Kind.NOT_ARRIVED],
            "courses": [course.pk],
            "causes": [Cause.NOT_MAPPED],
        },
    )

    assert messages_of(answer) == ["Your notifications were saved."]
    subscription = Subscription.objects.get()
    assert (subscription.user, subscription.is_active) == (person, True)
    assert subscription.kinds == [Event.Kind.EXPORT_FAILED, Event.Kind.NOT_ARRIVED]
    assert (list(subscription.courses.all()), subscription.causes) == ([course], [Cause.NOT_MAPPED])
    assert subscription.language == "en-gb"


def test_saving_twice_leaves_one_subscription_and_everything_can_be_taken_away(person):
    client = browser_of(person)
    for _click in range(2):
        client.post(PAGE, {"is_active": "on", "kinds": [Event.Kind.EXPORT_FAILED]})
    assert Subscription.objects.count() == 1

    client.post(PAGE, {})

    subscription = Subscription.objects.get()
    assert (subscription.is_active, subscription.kinds) == (False, [])


def test_a_look_saves_nothing(person):
    assert "What you are notified of" in words_of(browser_of(person).get(PAGE))

    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    "given", [{"is_active": "on"}, {"kinds": ["NEWS"]}, {"causes": ["BAD_LUCK"]}, {"courses": ["0"]}]
)
def test_what_makes_no_sense_is_refused_and_not_saved(person, given):
    answer = browser_of(person).post(PAGE, given)

    assert answer.status_code == 200
    assert not Subscription.objects.exists()


def test_a_person_sees_and_changes_no_one_elses(person):
    other = SubscriptionFactory(kinds=[Event.Kind.QUOTA_SHORT])

    browser_of(person).post(PAGE, {"user": other.user.pk, "is_active": "on", "kinds": [Event.Kind.NOT_ARRIVED]})

    other.refresh_from_db()
    assert other.kinds == [Event.Kind.QUOTA_SHORT]


def test_a_person_who_may_not_see_grades_has_nothing_to_choose():
    client = signed_in()

    assert "Your account may not see grades" in words_of(client.get(PAGE))
    assert client.post(PAGE, {"is_active": "on", "kinds": [Event.Kind.NOT_ARRIVED]}).status_code == 403
    assert not Subscription.objects.exists()


def test_corrections_are_offered_to_those_who_may_approve_them():
    viewer = UserFactory()
    from django.contrib.auth.models import Permission

    viewer.user_permissions.add(Permission.objects.get(codename="view_participant"))

    assert "A correction is waiting for approval" not in words_of(browser_of(viewer).get(PAGE))
    assert "A correction is waiting for approval" in words_of(signed_in(manager=True).get(PAGE))


def test_the_page_says_why_nothing_is_sent(person, settings):
    client = browser_of(person)
    assert "E-mail goes to manager@example.edu" in words_of(client.get(PAGE))

    settings.EMAIL_BACKEND = NO_MAIL
    assert "the site has no mail server" in words_of(client.get(PAGE))

    person.email = ""
    person.save()
    assert "Your account has no e-mail address" in words_of(client.get(PAGE))


def test_the_page_shows_what_became_of_the_latest_e_mails(person):
    SubscriptionFactory(user=person)
    DigestFactory(user=person, given_up=True)
    DigestFactory(sent=True)  # someone else's

    [row] = rows_of(browser_of(person).get(PAGE))

    assert row["Events"] == "1"
    assert row["State"] == "Given up The mail server could not be reached. Check EMAIL_URL."


@pytest.mark.parametrize("digests", [1, 30])
def test_the_page_costs_the_same_for_many_digests(person, digests, django_assert_max_num_queries):
    DigestFactory.create_batch(digests, user=person)
    client = browser_of(person)

    with django_assert_max_num_queries(20):
        client.get(PAGE)


# What administrators see


def test_administrators_see_all_subscriptions_and_who_is_sent_nothing(administrator):
    SubscriptionFactory(user__username="anna", courses=[CourseFactory(course_id="BIO101")])
    SubscriptionFactory(user__username="ben", user__email="")
    SubscriptionFactory(user__username="cleo", user__manager=False)
    SubscriptionFactory(user__username="dan", is_active=False)

    rows = {row["Person"]: row for row in rows_of(administrator.get(reverse("admin:exports_subscription_changelist")))}

    assert {name: row["Is sent e-mail"] for name, row in rows.items()} == {
        "anna": "Yes",
        "ben": "No",
        "cleo": "May not see grades",
        "dan": "Switched off",
    }
    assert rows["ben"]["E-mail address"] == "No e-mail address"
    assert (rows["anna"]["Courses"], rows["ben"]["Courses"]) == ("BIO101", "All")


def test_administrators_see_what_a_digest_says(administrator):
    digest = DigestFactory(given_up=True, events=[EventFactory(), EventFactory(quota_short=True)])

    page = words_of(administrator.get(reverse("admin:exports_digest_change", args=[digest.pk])))

    assert "Delivered: 33. Not delivered: 7." in page
    assert "Learn's calls are running short" in page
    assert "The mail server could not be reached" in page


@pytest.mark.parametrize("model", ["subscription", "digest"])
@pytest.mark.parametrize("who", [{"manager": True}, {}])
def test_no_one_else_sees_them(model, who):
    row = DigestFactory() if model == "digest" else SubscriptionFactory()
    client = signed_in(**who)

    assert client.get(reverse(f"admin:exports_{model}_changelist")).status_code == 403
    assert client.get(reverse(f"admin:exports_{model}_change", args=[row.pk])).status_code == 403


@pytest.mark.parametrize("model", ["subscription", "digest"])
@pytest.mark.parametrize("rows", [2, 40])
def test_a_list_costs_the_same_for_many_rows(model, rows, administrator, django_assert_max_num_queries):
    (DigestFactory if model == "digest" else SubscriptionFactory).create_batch(rows)

    with django_assert_max_num_queries(15):
        administrator.get(reverse(f"admin:exports_{model}_changelist"))


def test_a_person_with_a_subscription_can_be_deleted(superuser):
    quiet = SubscriptionFactory().user
    DigestFactory(user=quiet)

    superuser.post(reverse("admin:auth_user_delete", args=[quiet.pk]), {"post": "yes"})

    assert not Subscription.objects.exists()
