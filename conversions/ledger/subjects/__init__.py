"""Data subjects: suppression list, erasure, access to their data, and retention."""
