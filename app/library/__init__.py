"""Model files, here and later on the Hub. Imports core only."""
