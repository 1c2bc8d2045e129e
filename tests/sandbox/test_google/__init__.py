"""The stand-in Google Drive, endpoint by endpoint; every exchange is judged by Google's own discovery document."""
