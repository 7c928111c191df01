// Backup: under construction.
