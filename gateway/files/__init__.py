"""Listing, opening through the cache, and taking uploads in."""
