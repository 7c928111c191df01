// Processes: under construction.
