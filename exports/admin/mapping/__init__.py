"""Where grades go, and what becomes of them: mappings, translations, imports, rehearsals."""
