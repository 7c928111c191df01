// Upkeep: under construction.
