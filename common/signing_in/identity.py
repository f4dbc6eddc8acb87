"""Which account belongs to which person at the university's sign-in provider."""

from django.conf import settings
from django.db import models


class Identity(models.Model):
    """The account of a person at a provider. Names and addresses change and are given again; a subject never is."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identity")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)

    class Meta:
        app_label = "common"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_a_subject")]

    def __str__(self) -> str:
        return f"{self.user}"
