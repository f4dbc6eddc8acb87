"""What people read of an error."""

from courses.learn_http.errors import Explained
from courses.sentences import reason_of, sentence


def said(error: Explained) -> str:
    return sentence(reason_of(error))
