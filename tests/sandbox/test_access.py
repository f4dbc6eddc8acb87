from sandbox.access import DAY, Quota, Tokens


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_live_token_comes_again_with_less_time_left_and_a_new_one_after_its_end():
    clock = Clock()
    tokens = Tokens(key="key", secret="secret", seconds=60, clock=clock)
    first, seconds = tokens.live()
    assert seconds == 60
    clock.now += 59.5
    assert tokens.live() == (first, 0)
    assert tokens.accepts(first)
    clock.now += 0.5
    assert not tokens.accepts(first)
    second, seconds = tokens.live()
    assert (second != first, seconds) == (True, 60)


def test_the_quota_begins_anew_after_a_day():
    clock = Clock()
    quota = Quota(2, clock)
    assert [quota.take(), quota.take(), quota.take()] == [True, True, False]
    assert (quota.remaining, quota.seconds_left) == (0, DAY)
    clock.now += DAY
    assert quota.take()
    assert quota.remaining == 1
