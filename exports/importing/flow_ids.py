"""The flow id in a file or on a command line."""

from common.spreadsheets import cells
from common.spreadsheets.formats import Cell
from exports.models import Flow
from exports.reading.flow_ids import refuse_nameless

TEXT = cells.identifier(Flow, "flow_id", required=True)


def read_flow_id(cell: Cell) -> str:
    """Raises ValueError with what is wrong."""
    flow_id = str(TEXT(cell))
    refuse_nameless(flow_id)
    return flow_id
