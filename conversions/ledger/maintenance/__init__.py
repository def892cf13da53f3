"""Backup, restore, upgrade, and a store that takes the place of another."""
