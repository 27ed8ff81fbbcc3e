"""What a DRAGONFLY destination consists of: the protocol, the commands, the scripts, the writer of a shard."""
