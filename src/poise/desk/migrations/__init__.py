"""One history of migrations, on SQLite and PostgreSQL alike."""
