"""Rows, drawings, images and prompts; no torch here."""
