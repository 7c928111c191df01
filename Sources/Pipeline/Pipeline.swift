// Pipeline: under construction.
