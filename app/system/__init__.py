"""What the operating system is asked: paths, logs, hardware. Imports core only."""
