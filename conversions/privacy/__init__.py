"""The rights of data subjects. This package knows a person only by a keyed subject, never by an e-mail address."""
