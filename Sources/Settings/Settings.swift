// Settings: under construction.
