"""Proposes settings of a source from a saved export, for ``conversions init --from FILE``.

proposal.py       what is proposed, and how sure it is
sampled_table.py  header and first rows, read as a run reads them
export_header.py  the line that names the columns
all_columns.py    a table with every column that it has
header_words.py   what the names of columns mean
cell_kinds.py     what the cells of a column are
columns.py        our columns, by name and by cells
item_rows.py      whether an order has a row for each of its items
cell_format.py    the marks in amounts, and the order in dates, as far as cells prove them
"""

from conversions.intake.proposal.proposal import Proposal, propose

__all__ = ["Proposal", "propose"]
