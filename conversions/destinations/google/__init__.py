"""Google's Data Manager API."""
