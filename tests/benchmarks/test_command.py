"""What `python -m benchmarks` refuses, before it starts anything."""

import pytest

from benchmarks.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "there is no section nonsense"),
        (["before"], "the section before needs --before REVISION"),
    ],
)
def test_a_section_that_cannot_be_measured_is_refused(arguments, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])

    with pytest.raises(SystemExit):
        main()

    assert said in capsys.readouterr().err


def test_an_unknown_revision_is_named(monkeypatch):
    monkeypatch.setattr("sys.argv", ["benchmarks", "--before", "no-such-revision"])

    with pytest.raises(SystemExit, match="There is no commit no-such-revision"):
        main()
