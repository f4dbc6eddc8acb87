from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = _("Sign-in")

    def ready(self) -> None:
        from axes.signals import user_locked_out
        from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

        from common.signing_in import journal, sessions

        user_logged_in.connect(sessions.begin)
        user_logged_in.connect(journal.signed_in)
        user_logged_out.connect(journal.signed_out)
        user_login_failed.connect(journal.failed)
        user_locked_out.connect(journal.locked_out)
