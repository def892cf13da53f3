"""Values that every part of the program uses; nothing here can reach an address."""
