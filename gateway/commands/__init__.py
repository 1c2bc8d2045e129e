"""The groups of commands beside `serve` and `worker`; what they need is imported only where one of them runs."""
