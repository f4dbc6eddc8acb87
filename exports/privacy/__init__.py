"""What is kept about students: shown to one, forgotten for one, and deleted for all once its period is over."""
