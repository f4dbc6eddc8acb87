"""Signing in at the university's provider: groups there give roles here, and nothing else lets anyone in."""

import time

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from common.signing_in import provider as client_of_provider
from common.signing_in.identity import Identity
from common.signing_in.ways import BY_PASSWORD
from exports.roles import ADMINISTRATORS, MANAGERS
from tests.common.signing_in.provider import running_provider, use
from tests.common.signing_in.signing import enter, events, is_in, named
from tests.factories import ApiClientFactory, FlowFactory, UserFactory
from tests.pages import rows_of, words_of

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore")]  # of the provider's own libraries


@pytest.fixture(scope="module")
def running():
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running, settings):
    use(settings, running)
    running.authenticated_at = int(time.time())
    client_of_provider.kept.clear()
    return running


@pytest.fixture
def ada(provider):
    claims = {"preferred_username": "ada", "given_name": "Ada", "family_name": "Berg", "email": "ada@example.edu"}
    provider.has("subject-1", groups=["exam-office"], **claims)
    return "subject-1"


def roles(user):
    return {group.name for group in User.objects.get(pk=user.pk).groups.all()}


def refusal(response):
    assert not is_in(response)
    return response.context["reason"]


def test_the_first_sign_in_makes_an_account_with_the_role_of_the_group(provider, ada, caplog):
    client = Client()
    answer = provider.sign_in(client, ada, "/sign-in/provider/?next=/admin/exports/flow/")

    assert answer["Location"] == "/admin/exports/flow/"
    user = User.objects.get()
    assert (user.username, user.get_full_name(), user.email) == ("ada", "Ada Berg", "ada@example.edu")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert roles(user) == {MANAGERS}
    assert client.get("/admin/exports/flow/").status_code == 200
    assert named(caplog, "signed_in")[0]["by"] == "provider"
    assert {"nonce", "state", "code_challenge"} <= set(provider.asked_for())


def test_at_each_sign_in_the_roles_are_exactly_those_of_the_groups(provider, ada):
    provider.sign_in(Client(), ada)
    user = User.objects.get()
    own = Group.objects.create(name="Registry")
    user.groups.add(own)

    provider.has(ada, groups=["it", "guests"])
    provider.sign_in(Client(), ada)

    assert roles(user) == {ADMINISTRATORS, "Registry"}
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({"groups": []}, "NO_ROLE"),
        ({"groups": ["guests", "exam-office-alumni", "IT"]}, "NO_ROLE"),
        ({"groups": [None, 1, ["it"], {"it": "it"}]}, "NO_ROLE"),
        ({"groups": "visitors of it"}, "NO_GROUPS"),
        ({"groups": "it"}, "NO_GROUPS"),
        ({"groups": {"it": True}}, "NO_GROUPS"),
        ({"groups": None}, "NO_GROUPS"),
        ({}, "NO_GROUPS"),
    ],
)
def test_without_a_role_no_one_gets_in_and_no_account_is_made(provider, groups, reason, caplog):
    provider.has("subject-2", **groups)

    answer = provider.sign_in(Client(), "subject-2")

    assert (answer.status_code, refusal(answer)) == (403, reason)
    assert not User.objects.exists()
    assert named(caplog, "sign_in_refused")[0]["reason"] == reason
    assert "subject-2" not in str(events(caplog))


@pytest.mark.parametrize("groups", [{"groups": ["guests"]}, {}, {"groups": "it"}])
def test_who_leaves_the_group_loses_every_session_at_the_next_sign_in(provider, ada, groups):
    elsewhere = Client()
    provider.sign_in(elsewhere, ada)
    assert elsewhere.get("/admin/exports/flow/").status_code == 200

    provider.has(ada, **groups)
    refusal(provider.sign_in(Client(), ada))

    user = User.objects.get()
    assert (user.is_staff, roles(user)) == (False, set())
    assert elsewhere.get("/admin/exports/flow/").status_code == 302

    provider.has(ada, groups=["exam-office"])
    assert is_in(provider.sign_in(Client(), ada))


def test_who_has_only_a_role_that_is_no_group_here_loses_every_session_too(provider, ada):
    elsewhere = Client()
    provider.sign_in(elsewhere, ada)
    Group.objects.get(name=MANAGERS).delete()

    assert refusal(provider.sign_in(Client(), ada)) == "NO_ROLE"

    assert not User.objects.get().is_staff
    assert elsewhere.get("/admin/exports/flow/").status_code == 302


def test_the_list_of_users_says_who_is_active_and_who_has_no_role(provider, ada, settings):
    settings.LOCAL_SIGN_IN = True
    client = Client()
    client.force_login(UserFactory(username="root", is_superuser=True), backend=BY_PASSWORD)
    provider.sign_in(Client(), ada)
    page = f"/admin/auth/user/{User.objects.get(username='ada').pk}/change/"

    def account():
        [row] = [row for row in rows_of(client.get("/admin/auth/user/")) if row.get("Username") == "ada"]
        return row["Account"]

    assert account() == "Active"
    assert "new-invitation" not in client.get(page).content.decode()
    provider.has(ada, groups=[])
    provider.sign_in(Client(), ada)
    assert account() == "No role"


def test_an_inactive_account_stays_out(provider, ada):
    provider.sign_in(Client(), ada)
    User.objects.update(is_active=False)
    provider.has(ada, groups=["it"])

    assert refusal(provider.sign_in(Client(), ada)) == "INACTIVE"
    assert roles(User.objects.get()) == {MANAGERS}


@pytest.mark.parametrize("name", ["root", "ROOT", "root@example.edu"])
def test_an_account_of_this_site_is_never_taken_over_by_an_equal_name_or_address(provider, name):
    root = UserFactory(username="root", email="root@example.edu", is_superuser=True)
    provider.has("subject-3", groups=["exam-office"], preferred_username=name, email="root@example.edu")

    assert is_in(provider.sign_in(Client(), "subject-3"))

    theirs = Identity.objects.get().user
    assert theirs != root
    assert theirs.username.casefold() != "root"
    assert not theirs.is_superuser
    root.refresh_from_db()
    assert roles(root) == set()


def test_a_person_keeps_the_account_when_name_and_address_change(provider, ada):
    provider.sign_in(Client(), ada)
    changed = {"preferred_username": "ada.holm", "family_name": "Holm", "email": "holm@example.edu"}
    provider.has(ada, groups=["exam-office"], **changed)
    provider.sign_in(Client(), ada)
    user = User.objects.get()
    assert (user.username, user.last_name, user.email) == ("ada", "Holm", "holm@example.edu")


def test_an_address_that_is_not_verified_is_not_kept(provider):
    provider.has("subject-4", groups=["it"], email="boss@example.edu", email_verified=False)
    provider.sign_in(Client(), "subject-4")
    assert User.objects.get().email == ""


@pytest.mark.parametrize("odd", [{"preferred_username": "a\0b\nc"}, {"preferred_username": "x" * 900}, {"email": 7}])
def test_odd_claims_make_an_account_with_a_usable_name(provider, odd):
    provider.has("subject-5", groups=["it"], **odd)
    assert is_in(provider.sign_in(Client(), "subject-5"))
    assert User.objects.get().username.isprintable()


@pytest.mark.parametrize("path", ["realm_access.roles", "https://example.edu/groups"])
def test_the_claim_may_be_nested_or_named_by_an_address(provider, settings, path):
    settings.OIDC_GROUPS_CLAIM = path
    claims = {"realm_access": {"roles": ["it"]}, "https://example.edu/groups": ["it"]}
    provider.has("subject-6", **claims)
    assert is_in(provider.sign_in(Client(), "subject-6"))


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(provider, ada):
    client = Client()
    back = provider.leave(client, ada)
    assert refusal(Client().get(back)) == "TOO_LATE"
    assert is_in(client.get(back))
    assert client.get(back).context["reason"] == "TOO_LATE"


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=y", "?state=y", "?error=access_denied", "?error="])
def test_an_answer_that_no_one_asked_for_signs_no_one_in_or_out(provider, ada, query):
    assert refusal(Client().get(f"/sign-in/callback/{query}")) in ("TOO_LATE", "CANCELLED")

    client = Client()
    provider.sign_in(client, ada)
    assert client.get(f"/sign-in/callback/{query}").status_code == 400
    assert client.get("/admin/exports/flow/").status_code == 200


def test_a_provider_that_is_away_is_said_and_everything_else_goes_on(provider, ada, settings, caplog):
    client, late = Client(), Client()
    provider.sign_in(client, ada)
    back = provider.leave(late, ada)
    settings.OIDC_ISSUER = "http://localhost:9"

    for answer in (Client().get("/sign-in/provider/"), late.get(back)):
        assert (answer.status_code, refusal(answer)) == (503, "PROVIDER")
        assert "cannot be reached" in words_of(answer)
    assert Client().get("/admin/login/").status_code == 200
    assert client.get("/admin/exports/flow/").status_code == 200  # no page asks the provider
    assert "secret of the client" not in caplog.text


def test_another_issuer_or_another_client_is_not_believed(provider, ada, settings):
    client = Client()
    back = provider.leave(client, ada)
    settings.OIDC_RP_CLIENT_ID = "another"
    refusal(client.get(back))

    settings.OIDC_ISSUER = provider.issuer.replace("localhost", "127.0.0.1") + "/"
    client_of_provider.kept.clear()
    assert refusal(Client().get("/sign-in/provider/")) == "PROVIDER"


def test_passwords_are_off_beside_a_provider(provider, settings):
    UserFactory(username="anna", manager=True)
    root = UserFactory(username="root", is_superuser=True)
    page = Client().get("/admin/login/")
    assert "Sign in with Example University" in words_of(page)
    assert "password" not in page.content.decode()
    assert enter("root").status_code == 403
    client = Client()
    client.force_login(root, backend="common.signing_in.ways.PasswordBackend")
    assert client.get("/admin/").status_code == 302

    settings.LOCAL_SIGN_IN = True  # for the day on which the provider is away
    assert is_in(enter("root"))
    assert not is_in(enter("anna"))


def test_there_are_no_invitations_beside_a_provider(provider, settings):
    settings.LOCAL_SIGN_IN = True
    client = Client()
    client.force_login(UserFactory(is_superuser=True), backend="common.signing_in.ways.PasswordBackend")
    assert client.get("/admin/auth/user/invite/").status_code == 403
    assert "/invite/" not in client.get("/admin/auth/user/").content.decode()


def test_without_a_provider_its_addresses_do_not_exist():
    for address in ("/sign-in/provider/", "/sign-in/callback/?code=x&state=y"):
        assert Client().get(address).status_code == 404


def test_the_password_form_cannot_carry_an_answer_of_the_provider(provider, ada, settings):
    settings.LOCAL_SIGN_IN = True
    back = provider.leave(Client(), ada)
    typed = {"username": "ada", "password": "x"}
    answer = Client().post(f"/admin/login/?{back.partition('?')[2]}", typed)
    assert not is_in(answer)


# Signing in again


def test_signing_in_again_asks_the_provider_for_the_password_and_keeps_what_was_sent(provider):
    provider.has("subject-7", groups=["it"])
    client = Client()
    provider.authenticated_at = int(time.time()) - 3600
    provider.sign_in(client, "subject-7")
    page = f"/admin/exports/flow/{FlowFactory().pk}/unlock-mapping/"
    asked = client.get(page)
    assert asked.status_code == 303
    leads_to = client.get(asked["Location"]).context["provider_url"]

    remembered = provider.sign_in(client, "subject-7", leads_to)
    assert {"prompt": "login", "max_age": "0"}.items() <= provider.asked_for().items()
    assert remembered.context["reason"] == "NOT_AGAIN"

    provider.authenticated_at = int(time.time())
    assert provider.sign_in(client, "subject-7", leads_to)["Location"] == page
    assert client.get(page).status_code == 302  # nothing to unlock


def test_what_was_sent_is_shown_again_after_the_provider(provider):
    provider.has("subject-8", groups=["it"])
    client = Client()
    provider.authenticated_at = int(time.time()) - 600
    provider.sign_in(client, "subject-8")
    page = f"/admin/exports/flow/{FlowFactory().pk}/unlock-mapping/"
    asked = client.post(page, {"typed": "something"})
    leads_to = client.get(asked["Location"]).context["provider_url"]
    provider.authenticated_at = int(time.time())
    shown = client.get(provider.sign_in(client, "subject-8", leads_to)["Location"])
    assert (shown.context["form_url"], shown.context["hidden"]) == (page, [["typed", "something"]])


def test_another_person_does_not_confirm(provider, ada):
    provider.has("subject-9", groups=["it"])
    client = Client()
    provider.sign_in(client, ada)
    other = provider.sign_in(client, "subject-9", "/sign-in/provider/?again=1&next=/admin/")
    assert other.context["reason"] == "OTHER_PERSON"
    assert client.session["_auth_user_id"] == str(Identity.objects.get(subject=ada).user.pk)


def test_the_api_knows_nothing_of_the_provider(provider):
    key = f"key-{ApiClientFactory().name}"
    assert Client().get("/api/wiseflow/flows/1/export", headers={"X-Api-Key": key}).status_code == 404
