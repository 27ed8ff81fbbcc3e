"""Definition bundles that come with SDG."""
