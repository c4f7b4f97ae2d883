"""Supervised fine-tuning in one loop over plain torch."""
