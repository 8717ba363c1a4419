"""Fireside: chat with language models that run on this computer."""

__version__ = "0.1.0"
