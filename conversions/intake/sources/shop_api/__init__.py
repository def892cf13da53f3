"""What the readers of shop systems share: they ask a shop over the network, page by page, and get JSON.

failures.py  a request without orders: the sentence about it, and whether to ask again
retries.py   the attempts of one page
numbers.py   JSON whose numbers stay exact texts
values.py    the values of a JSON object as cells
rows.py      order objects as rows of a source
"""
