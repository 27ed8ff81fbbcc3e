"""The yardstick: Faker doing the demo's job, every value from a provider."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path

from faker import Faker

_STATUS = OrderedDict([("NEW", 0.10), ("PAID", 0.25), ("SHIPPED", 0.30), ("DELIVERED", 0.30), ("CANCELLED", 0.05)])
_FROM, _TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def write_orders(path: Path, count: int) -> None:
    """Write orders of the same twelve columns as JSON Lines."""
    faker = Faker("en_US")
    Faker.seed(42)
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, count + 1):
            order = {
                "orderId": faker.uuid4(),
                "orderNo": number,
                "orderedAt": faker.date_time_between(_FROM, _TO, tzinfo=UTC).isoformat(),
                "status": faker.random_element(_STATUS),
                "customerName": faker.name(),
                "customerEmail": faker.email(),
                "customerCity": faker.city(),
                "quantity": faker.pyint(1, 20),
                "unitPrice": float(faker.pydecimal(right_digits=2, min_value=1, max_value=500)),
                "discount": faker.pyint(0, 30) / 100,
                "customerId": faker.pyint(100_001, 200_000),
                "currency": "EUR",
            }
            file.write(json.dumps(order) + "\n")
