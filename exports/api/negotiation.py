"""In which form the API answers."""

from collections.abc import Iterable
from contextlib import suppress

from django.http import Http404
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class OneFormNegotiation(DefaultContentNegotiation):
    """Where there is one form, the answer has it, whatever the caller prefers: no `Accept` turns an export away.

    The API's description has several. Of these the caller gets the first, where it asks for one that there is not.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first, *others = renderers
        chosen: tuple[BaseRenderer, str] = first, first.media_type
        if others:
            with suppress(exceptions.NotAcceptable, Http404):
                chosen = super().select_renderer(request, [first, *others], format_suffix)
        return chosen
