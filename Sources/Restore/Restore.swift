// Restore: under construction.
