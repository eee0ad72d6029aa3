"""One Report, several renderings."""
