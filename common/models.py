"""The models of the ground floor, where Django looks for them."""

from common.signing_in.identity import Identity

__all__ = ["Identity"]
