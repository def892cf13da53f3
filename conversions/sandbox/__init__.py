"""A strict local stand-in for both platforms, with faults on demand: for rehearsing, for the demo and for tests.

It is written from the platforms' documents alone and shares no checking code with ``conversions.destinations`` or
``conversions.disclosure``, so that a mistake there cannot hide here.

base.py      what a platform is here: Request, Answer, Accepted, Arrival
google.py    Data Manager ``events:ingest``; its body in google_body.py, ``requestStatus:retrieve`` in diagnostics.py
meta.py      Conversions API ``/{dataset}/events``; its body in meta_body.py
faults.py    the grammar of ``--fault`` and which request is struck by which
tally.py     what arrived, counted as the platforms count
counting.py  a platform that checks nothing, for load
desk.py      one request from arrival to answer
server.py    HTTP on a loopback port: ``Sandbox`` and ``serve``
"""

from conversions.sandbox.server import Sandbox, serve

__all__ = ["Sandbox", "serve"]
