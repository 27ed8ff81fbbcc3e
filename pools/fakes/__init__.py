"""Values that the Faker library makes up: for filling a pool once."""
