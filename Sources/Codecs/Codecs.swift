// Codecs: under construction.
