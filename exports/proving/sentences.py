"""What was read back from Learn, as sentences for people."""

from datetime import datetime

from django.utils.translation import gettext as _

from common.moments import moment
from courses.sentences import sentence
from exports.models import Proof

Verdict = Proof.Verdict


def proof_sentence(proof: Proof | None) -> str:
    """What was read, and when; of a grade that was not read back, that."""
    if proof is None:
        return _("Not read back from Learn yet.")
    when = moment(proof.read_at)
    match proof.verdict:
        case Verdict.PROVEN:
            return _("Learn shows %(shown)s (read %(when)s).") % {"shown": shown_phrase(proof), "when": when}
        case Verdict.DIFFERENT:
            return difference(proof, when)
        case Verdict.ABSENT:
            return absence(proof, when)
    return _("Not proven: %(reason)s") % {"reason": sentence(proof.detail)}


def difference(proof: Proof, when: str) -> str:
    detail = proof.detail
    params = {"shown": shown_phrase(proof), "by": detail.get("by"), "when": when}
    if not detail.get("changed_at"):
        return _("Learn shows %(shown)s (read %(when)s).") % params
    params["changed"] = moment(datetime.fromisoformat(detail["changed_at"]))
    if detail.get("by"):
        return _("Learn shows %(shown)s, set by %(by)s on %(changed)s (read %(when)s).") % params
    return _("Learn shows %(shown)s, set on %(changed)s (read %(when)s).") % params


def absence(proof: Proof, when: str) -> str:
    if proof.detail.get("code"):
        reason = sentence({"code": proof.detail["code"]})
        return _("Learn shows no grade (read %(when)s). %(reason)s") % {"when": when, "reason": reason}
    params = {"by": proof.detail.get("by"), "when": when}
    if not (params["by"] and proof.detail.get("changed_at")):
        return _("Learn shows no grade (read %(when)s).") % params
    params["changed"] = moment(datetime.fromisoformat(proof.detail["changed_at"]))
    return _("Learn shows no grade: %(by)s cleared it on %(changed)s (read %(when)s).") % params


def shown_phrase(proof: Proof) -> str:
    """`B, 83 of 100`; what is no plain grade is named."""
    detail = proof.detail
    phrase = proof.shown or _("no value")
    if "score" in detail and "possible" in detail and detail["score"] != proof.shown:
        phrase = _("%(shown)s, %(score)s of %(possible)s") % {**detail, "shown": phrase}
    elif "possible" in detail and proof.shown:
        phrase = _("%(shown)s of %(possible)s") % {**detail, "shown": phrase}
    if detail.get("is_exempt"):
        return _("%(shown)s, exempt") % {"shown": phrase}
    if detail.get("is_corrupt"):
        return _("%(shown)s, marked as corrupt") % {"shown": phrase}
    if detail.get("has_notation"):
        return _("%(shown)s, a grade notation") % {"shown": phrase}
    return phrase
