"""Orders in files, from the folder to the row of an order.

source.py       the files of a glob, and what becomes of each row
storage/        where files are kept: finding and opening them
tables.py       the tables in one file; table.py: their interface; compression.py: packed files
csv.py          one CSV table; csv_head.py, csv_lines.py, decoding.py: its header, its lines, its text
parquet.py      one Parquet table
xlsx.py         one Excel sheet; sheet_cells.py: cells that its reader does not tell
header.py       names of columns
items.py        files with a row per line of an order; order_lines.py: its rows become one; number_set.py: numbers seen
"""
