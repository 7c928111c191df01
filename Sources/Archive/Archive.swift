// Archive: under construction.
