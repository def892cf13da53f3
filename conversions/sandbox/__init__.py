"""A strict local stand-in for both platforms, with faults on demand: for rehearsals, for the demo and for tests.

It follows the platforms' documents alone and shares no checking code with ``conversions.destinations`` or
``conversions.disclosure``, so that it does not repeat a mistake made there.

base.py             the platform interface: Request, Answer, Accepted, ReceivedEvent
google.py           Data Manager ``events:ingest``; google_body.py: fields, google_formats.py: values,
                    google_errors.py: error bodies, diagnostics.py: ``requestStatus:retrieve``
meta.py             Conversions API ``/{dataset}/events``; meta_body.py: fields
faults.py           the grammar of ``--fault``, and which fault affects which request
deduplication.py    counts of received events, deduplicated like each platform does
load_target.py      platforms that check nothing, for load tests
request_handler.py  one request from arrival to answer
listener.py         HTTP on a loopback port
shops.py            the shops that the sandbox can be; shop_faults.py: the grammar of ``--shop-fault``
server.py           the whole: ``Sandbox`` and ``serve``
"""

from conversions.sandbox.server import Options, Sandbox, serve
from conversions.sandbox.shops import ShopOptions

__all__ = ["Options", "Sandbox", "ShopOptions", "serve"]
