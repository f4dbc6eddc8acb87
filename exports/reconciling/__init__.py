"""Reconciliation: what WISEflow holds, what GradeBridge did and what Learn shows, person by person."""
