"""What operators see of the site: a line for each request, health, metrics, the page System."""
