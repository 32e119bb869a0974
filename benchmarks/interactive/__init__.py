"""Simulated interaction: an annotator who knows the truth corrects points until masks are good enough."""
