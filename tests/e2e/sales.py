"""What a platform was told of an order, understood from the bytes alone."""

import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Sale:
    """One event."""

    reference: str
    digest: str
    value: Decimal
    currency: str
    products: tuple[str, ...]


def sale(event: bytes, platform: str) -> Sale:
    """*event* in either platform's words."""
    told = json.loads(event, parse_float=Decimal)
    if platform == "meta":
        order, (who,) = told["custom_data"], told["user_data"]["em"]
        return Sale(told["event_id"], who, order["value"], order["currency"], tuple(order.get("content_ids", ())))
    products = tuple(item["merchantProductId"] for item in told.get("cartData", {}).get("items", ()))
    who = told["userData"]["userIdentifiers"][0]["emailAddress"]
    return Sale(told["transactionId"], who, told["conversionValue"], told["currency"], products)


def digest(address: str) -> str:
    """SHA-256 of an address in lower case, which is what both platforms take outside Gmail."""
    return sha256(address.encode()).hexdigest()
