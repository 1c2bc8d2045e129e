"""Durable items on SQL: claimed fairly, leased, fenced, resumed by whoever lives. What an item does, executors know."""
