// Commands: under construction.
