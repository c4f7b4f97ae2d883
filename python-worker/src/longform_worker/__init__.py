"""Longform's Python worker: an agent that supervises engines, and the engines."""

__version__ = "0.1.0"
