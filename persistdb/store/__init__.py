"""Records in and out of the database: the repository, and what it is made of."""
