"""A flow -> a file of evidence, and its line in the register."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from django.contrib.auth.models import User
from django.utils import timezone

from exports.evidence.collecting import collect
from exports.evidence.columns import LAYOUT
from exports.evidence.contents import Contents
from exports.evidence.head import Head, head_of
from exports.evidence.pdf import to_pdf
from exports.evidence.tables import to_csv, to_xlsx
from exports.models import Evidence, Flow
from exports.models.evidence import new_reference

IN_MEMORY = 2_000_000  # bytes of a file; larger ones are written to a temporary one

WRITERS: dict[Evidence.Format, Callable[[IO[bytes], Head, Contents], None]] = {
    Evidence.Format.PDF: to_pdf,
    Evidence.Format.CSV: to_csv,
    Evidence.Format.XLSX: to_xlsx,
}


def make(flow: Flow, file_format: Evidence.Format, *, by: User) -> tuple[Evidence, IO[bytes]]:
    """The file, to be read from its start, is in the register once this returns. The caller closes it."""
    reference = new_reference()
    with collected(flow, by=by, reference=reference) as (head, contents), ExitStack() as unless_made:
        file = unless_made.enter_context(SpooledTemporaryFile(IN_MEMORY))
        WRITERS[file_format](file, head, contents)
        file.seek(0)
        evidence = Evidence.objects.create(
            flow=flow,
            reference=reference,
            format=file_format,
            made_by=by,
            made_at=head.made_at,
            rows=contents.total,
            layout=LAYOUT,
            checksum=head.checksum,
            sha256=hashlib.file_digest(file, "sha256").hexdigest(),
            row_digests=contents.fingerprint.row_digests,
        )
        file.seek(0)
        unless_made.pop_all()
    return evidence, file


@contextmanager
def collected(flow: Flow, *, by: User, reference: str = "") -> Iterator[tuple[Head, Contents]]:
    """All that is known of the flow now, as long as it is needed."""
    made_at = timezone.now()
    with Contents() as contents:
        counts = collect(flow, contents)
        made_by = by.get_username()
        yield head_of(flow, contents, counts, made_at=made_at, made_by=made_by, reference=reference), contents
