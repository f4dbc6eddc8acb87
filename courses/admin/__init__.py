"""Learn's side of the admin. One file a page; importing a page registers it."""

from courses.admin import calls, metadata, pills, runs, schemas

__all__ = ["calls", "metadata", "pills", "runs", "schemas"]
