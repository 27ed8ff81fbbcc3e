"""What the API writes: JSON with exact numbers."""

from __future__ import annotations

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from sdg_project.exact_json import ExactEncoder


class ApiEncoder(ExactEncoder, JSONEncoder):
    """The framework's encoder, but for numbers."""


class ExactJson(JSONRenderer):
    """JSON in which a definition's numbers have the digits that it was sent with."""

    encoder_class = ApiEncoder
