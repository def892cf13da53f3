"""What a reading understood, for a person to compare with the shop: without addresses, and without words that may be.

observed.py       a source whose reading is counted
row.py            one order as a preview shows it
address_count.py  how often each address is in the orders, by a digest under a random key
printed_cells.py  which cells of the shop a preview may print
amount_shape.py   whether amounts look like minor units
"""

from conversions.intake.preview.observed import ObservedSource, Reading
from conversions.intake.preview.row import PreviewRow, Product

__all__ = ["ObservedSource", "PreviewRow", "Product", "Reading"]
