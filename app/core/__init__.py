"""Facts and rules: plain data and pure functions. Imports the standard library only."""
