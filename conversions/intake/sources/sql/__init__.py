"""Orders in a database.

source.py       a query of the operator
database.py     opening and streaming; read_only.py: what keeps a query to reading
"""
