"""The version of the values: it changes when, and only when, one seed would give other records than before."""

ENGINE_VERSION = "1"
