// Notation: under construction.
