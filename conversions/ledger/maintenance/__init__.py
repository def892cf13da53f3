"""Backup, restore and upgrade of the store, and acceptance of a replaced store."""
