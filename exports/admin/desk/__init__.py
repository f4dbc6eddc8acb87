"""What the exam office opens first."""
