"""What every page may say of the site."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def version() -> str:
    """Of GradeBridge, such as 1.3.0."""
    number: str = settings.VERSION
    return number
