"""A stand-in OneDrive behind Microsoft Graph v1.0, with the identity platform's sign-in, on one port.

`vendor.Microsoft` puts the parts together. Under their own host names (through a relay) the parts answer as Microsoft's
hosts do: Graph, sign-in, and a separate host for contents.
"""
