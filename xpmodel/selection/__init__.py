"""Which stars are meant: regions, conditions, filters, named sets, recipes, comparison of sets."""
