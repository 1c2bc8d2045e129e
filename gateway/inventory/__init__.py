"""What this product keeps, where, why and for how long, as data: the one source of the privacy page and the records.

Tests fail on anything that is written, sent or kept in a browser and does not stand here.
"""
