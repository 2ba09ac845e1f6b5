"""Taking over what other systems left: their tables, built with every fault, and what becomes of them."""
