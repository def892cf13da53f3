"""Documents for people, in English and Danish."""
