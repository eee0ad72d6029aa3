"""Language models: which one answers where, how a call is paid for, and what becomes of an answer that cannot be used."""
