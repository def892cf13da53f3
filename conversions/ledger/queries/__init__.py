"""Read-only queries over the whole store."""
