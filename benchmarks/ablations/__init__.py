"""Ablations: the settings of a sweep, and the statistics, tables and plots of their results."""
