"""People and their data: suppression list, erasure, access, retention."""
