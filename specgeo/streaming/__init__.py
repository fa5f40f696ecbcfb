"""Regions that are counted, measured and summed without a complex that holds them all."""
