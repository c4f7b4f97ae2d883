"""Model folders and one adapter for each architecture."""
