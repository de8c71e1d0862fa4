"""The bench programme: what the product costs, as ratios measured in one run (`make bench`)."""
