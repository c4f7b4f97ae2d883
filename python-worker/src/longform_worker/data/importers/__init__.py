"""Datasets that others have made, read row by row into rows of our own form."""
