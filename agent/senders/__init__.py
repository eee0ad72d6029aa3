"""Who sends alerts to the server: how each proves who it is, what its deliveries say, how many it may send."""
