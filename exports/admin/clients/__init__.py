"""Who exports, and the shape of what they send."""
