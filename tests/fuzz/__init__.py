"""Mutated files: whatever they hold, a reader raises a SpecgeoError or returns something valid."""
