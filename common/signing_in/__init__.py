"""Who is at the keyboard: signing in by the university's provider or by password, and how long that counts."""
