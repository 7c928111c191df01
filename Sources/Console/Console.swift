// Console: under construction.
