"""What a cell of a table shows: a state, a link. In templates: `{% load cells %}`."""

from django import template

from common.admin.cells import address, link, pill, state_pill

register = template.Library()
register.filter(address)
register.filter(link)
register.filter(pill)
register.filter(state_pill)
