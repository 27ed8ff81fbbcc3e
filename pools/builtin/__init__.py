"""The built-in pools: one module each."""
