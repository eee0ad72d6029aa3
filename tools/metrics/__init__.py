"""How a live system's metrics are found, named, asked for and put on one grid."""
