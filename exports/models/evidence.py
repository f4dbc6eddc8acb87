"""The register of all evidence that was made: of which exam, when, by whom, and how to know the file again."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exports.models.flow import Flow

REFERENCE_BYTES = 8


def new_reference() -> str:
    """What a file of evidence is known by: 16 hexadecimal digits."""
    return secrets.token_hex(REFERENCE_BYTES)


class Evidence(models.Model):
    """One file of evidence. The file itself is not kept, only what it takes to recognise it. Never edited.

    `layout` says which columns there were. `row_digests` are the sorted digests of its rows, 8 bytes each: which row of
    a changed file differs, and how many rows are no longer as GradeBridge knows them.
    """

    class Format(models.TextChoices):
        PDF = "PDF", _("PDF")
        CSV = "CSV", _("CSV")
        XLSX = "XLSX", _("Excel")

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="evidence", verbose_name=_("flow"))
    reference = models.CharField(_("reference"), max_length=2 * REFERENCE_BYTES, unique=True)
    format = models.CharField(_("format"), max_length=4, choices=Format)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("made by")
    )
    made_at = models.DateTimeField(_("made"))
    rows = models.PositiveIntegerField(_("rows"))
    layout = models.PositiveSmallIntegerField(_("layout"))
    checksum = models.CharField(_("checksum of the rows"), max_length=64)
    sha256 = models.CharField(_("checksum of the file"), max_length=64, unique=True)
    row_digests = models.BinaryField(editable=False)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        permissions = [("make_evidence", _("Can make evidence of an exam's grades"))]
        indexes = [models.Index(fields=["flow", "-id"], name="evidence_flow")]
        constraints = [
            models.CheckConstraint(name="evidence_format_known", condition=Q(format__in=["PDF", "CSV", "XLSX"])),
        ]

    def __str__(self) -> str:
        return gettext("%(format)s of flow %(flow)s, %(reference)s") % {
            "format": self.get_format_display(),
            "flow": self.flow.flow_id,
            "reference": self.reference,
        }
