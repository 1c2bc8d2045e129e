"""The native drive."""
