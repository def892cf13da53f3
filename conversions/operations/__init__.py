"""Operator actions: decisions about orders, and changes that the store adopts."""
