"""A community's signals in the StopNCII protocol, which the stock `threatexchange` client and HMA speak."""
