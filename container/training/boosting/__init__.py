"""The rounds, and what is kept and measured of them."""
