"""Participants, attempts, deliveries, corrections, what is in Learn: every grade, and retrying it."""
