// Files: under construction.
