"""The small language of the formulas in an attribute mapping. Pure: it knows no Django."""
