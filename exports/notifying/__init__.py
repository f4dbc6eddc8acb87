"""Events to people and to other systems: noticed, gathered, sent. Nothing here is part of an export."""
