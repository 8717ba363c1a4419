"""What the user can do: plain verbs. Of Qt, QtCore only; no widgets."""
