"""What the user sees: widgets that show and wish, and decide nothing."""
