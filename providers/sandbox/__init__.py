"""Stand-in Google Drive, OneDrive and LaunchPad identity servers: the real wire protocols, with faults on request.

Each is its own process and keeps its state on disk. Nothing here imports drive code: a stand-in that shared code with
the client it judges would agree with that client's mistakes. All data is made up, so it lies in plain files.

How a vendor is added
---------------------
1. Make a folder ``providers/sandbox/NAME/`` whose module holds a class that satisfies `core.Vendor`: ``mount`` adds
   routes to ``box.app``, ``seed`` fills ``box.store``, ``refuse`` renders an error in the vendor's own envelope.
2. Add one line to ``core.VENDORS`` (kind -> ``module:Class``). The class is constructed without arguments.
3. Mark what it does with `behaviours.behaviour(basis, sentence)`.

The parts it builds on: `core` (server, routes, control), `store` (state on disk), `people` (accounts), `oauth` (codes,
PKCE, tokens, rotation, revocation, consent page), `faults` (trouble on request), `transfer` (bodies in and out).
"""
