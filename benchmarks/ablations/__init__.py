"""Ablations: which settings there are, and what is made of their results: statistics, tables, plots."""
