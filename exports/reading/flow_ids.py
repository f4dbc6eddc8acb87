"""Which flow ids an address can name: the API shows a flow's state at its address alone."""

from django.utils.translation import gettext as _

NO_ADDRESS = (".", "..")  # callers take them out of an address, %2E and all, before they send it (RFC 3986, 5.2.4)


def refuse_nameless(flow_id: str) -> None:
    """Raises ValueError, with a sentence, for an id that no address can name."""
    if flow_id in NO_ADDRESS:
        raise ValueError(
            _("'%(flow_id)s' cannot be the id of a flow: in an address it means a folder.") % {"flow_id": flow_id}
        )
