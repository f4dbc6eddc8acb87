"""How a Learn site is called: HTTP, OAuth2, the quota, and what can go wrong. Knows no service, and no Django."""
