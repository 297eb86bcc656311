"""TAXII 2.1 for communities: each is a collection of STIX 2.1 objects, to be read."""
