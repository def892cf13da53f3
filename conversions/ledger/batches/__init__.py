"""Sealed batches: the events that are to leave together, as one compressed row.

``seal`` writes them, ``contents`` reads them, ``parts`` says which of them a request has, ``blank`` erases single ones.
"""
