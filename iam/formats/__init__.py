"""How dates and times are written: the same on every page, and for every English reader."""
