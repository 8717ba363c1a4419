"""Everything that is kept on disk; the only SQL. Imports core only."""
