"""Tables of database servers."""
