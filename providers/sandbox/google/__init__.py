"""A stand-in Google Drive (API v3) with its OAuth endpoints, one port; `vendor.Google` puts the parts together."""
