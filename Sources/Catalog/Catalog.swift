// Catalog: under construction.
