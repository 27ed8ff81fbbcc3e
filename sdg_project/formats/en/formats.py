"""How the admin writes instants: in an order that sorts, to the second, with their zone."""

DATETIME_FORMAT = "Y-m-d H:i:s e"
