"""Files as a destination: folders that nothing leaves, shards written at absolute offsets, manifests."""
