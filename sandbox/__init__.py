"""A pretend Blackboard Learn for the demo, for training and for the tests. It knows nothing of GradeBridge."""
