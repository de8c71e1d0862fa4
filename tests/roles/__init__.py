"""Who may do what, on every page and at every address, and that nobody gets any further."""
