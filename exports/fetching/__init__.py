"""Fetching from WISEflow's own API: who and what a flow holds there, and, when a manager says so, its grades."""
