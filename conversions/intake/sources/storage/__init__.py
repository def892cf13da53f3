"""Where a source's files are kept: finding and opening them, whatever is in them.

base.py   the interface
local.py  the file system of this machine
"""
