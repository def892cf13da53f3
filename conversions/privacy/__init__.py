"""What people may ask of the shop about their data. They are known here by their keyed subject, never by an address."""
