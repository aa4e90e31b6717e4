"""Which weather is within the bounds: there nothing may go wrong, elsewhere all of it be reported."""

WITHIN = ("inside", "frozen", "promise")
