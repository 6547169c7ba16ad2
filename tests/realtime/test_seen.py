from appliance.realtime.seen import Census, Seen


def test_key_is_first_once() -> None:
    seen = Seen(5)
    assert [seen.first(key) for key in ("a", "b", "a")] == [True, True, False]
    assert "a" in seen
    assert "c" not in seen


def test_no_key_is_always_first() -> None:
    seen = Seen(5)
    assert [seen.first(None), seen.first(None)] == [True, True]


def test_oldest_key_is_forgotten() -> None:
    seen = Seen(2)
    for key in ("a", "b", "c"):
        seen.first(key)
    assert [key in seen for key in ("a", "b", "c")] == [False, True, True]


def test_census_tells_the_first_of_a_name() -> None:
    census = Census()
    assert [census.count(name) for name in ("x", "x", "y")] == [True, False, True]
    assert census.counts() == {"x": 2, "y": 1}
    assert census.total == 3


def test_census_does_not_grow_for_ever() -> None:
    census = Census(limit=3)
    firsts = [census.count(f"n{index}") for index in range(10)]
    assert sum(firsts) == 3
    assert len(census.counts()) == 3
    assert census.total == 10
    assert not census.count("n0")
    assert census.counts()["n0"] == 2
