"""Cells: the texts of a row, and what they mean. Nothing is guessed or rounded.

cells.py        texts, and rows that are none
amounts.py      amounts of money; decimal_points.py: what a point before three digits means
times.py        days and times; instants.py: those without an offset, and the window in a database's clock;
                english_times.py: in words; date_advice.py: the setting that fits
cart_cells.py   quantities and unit prices; list_cells.py: several values in one cell
"""
