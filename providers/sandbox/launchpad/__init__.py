"""A stand-in for LaunchPad, the schools' identity provider: OpenID Connect for made-up people, without passwords."""
