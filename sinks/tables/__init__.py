"""What a POSTGRES destination consists of: the table's form, the text that is loaded, the position beside it."""
