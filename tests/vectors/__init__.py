"""Committed vectors of the formats at rest. They never change: what was sealed under a version stays readable."""
