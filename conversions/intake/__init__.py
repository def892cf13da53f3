"""The only room with raw personal data: it turns the shop's rows into orders without an e-mail address."""
