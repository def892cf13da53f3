"""A strict local stand-in for both platforms, with faults on demand: for rehearsing, for the demo and for tests.

It is written from the platforms' documents alone and shares no checking code with ``conversions.destinations`` or
``conversions.disclosure``, so that a mistake there cannot hide here.

base.py      what a platform is here: Request, Answer, Accepted, Arrival
google.py    Data Manager ``events:ingest``: google_body.py its fields, google_formats.py their values, google_errors.py
             how it says no, diagnostics.py ``requestStatus:retrieve``
meta.py      Conversions API ``/{dataset}/events``: meta_body.py its fields
faults.py    the grammar of ``--fault`` and which request is struck by which
tally.py     what arrived, counted as the platforms count
counting.py  a platform that checks nothing, for load
desk.py      one request from arrival to answer
listener.py  HTTP on a loopback port
server.py    all of it together: ``Sandbox`` and ``serve``
"""

from conversions.sandbox.server import Sandbox, serve

__all__ = ["Sandbox", "serve"]
