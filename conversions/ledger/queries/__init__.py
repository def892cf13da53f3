"""Read-only answers about the store as a whole."""
