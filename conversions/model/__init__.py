"""Values that every part of the program speaks of; nothing here can reach an address."""
