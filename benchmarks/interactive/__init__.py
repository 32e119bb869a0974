"""Simulated interaction: an annotator who knows the truth corrects points until the masks are good enough."""
