"""Configuration: schemas, composition, plans and digests."""
