"""The polyhedral complex as arrays, and what derives from it: measures, facets, regions, proofs, exports."""
