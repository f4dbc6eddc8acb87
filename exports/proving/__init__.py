"""Reading back: what Learn's own gradebook shows, compared with the ledger."""
