"""What counts as a standstill, and whom the others wait for."""

import pytest

from train.watch import Phase, Standing, Watch, furthest_behind


def standing(moves: int = 0, seconds: float = 0.0, *, slow: bool = False) -> Standing:
    return Standing(moves=moves, phase=Phase.STEP, slow=slow, step=1, seconds=seconds)


def test_time_counts_from_the_look_after_the_last_move():
    watch = Watch()
    watch.begins(Phase.STEP, 3, slow=False)
    assert [watch.look(2.0).seconds for _ in range(3)] == [0.0, 2.0, 4.0]
    watch.moves()
    assert [watch.look(2.0).seconds for _ in range(2)] == [0.0, 2.0]
    watch.begins(Phase.SAVE, 4)
    last = watch.look(2.0)
    assert (last.phase, last.step, last.slow, last.seconds) == (Phase.SAVE, 4, True, 0.0)


@pytest.mark.parametrize(("slow", "all_stand", "limit"), [(False, False, 10), (True, False, 40), (False, True, 40)])
def test_what_may_be_slow_and_what_holds_up_all_has_four_times_as_long(slow, all_stand, limit):
    assert standing(seconds=limit, slow=slow).is_late(10.0, all_stand=all_stand)
    assert not standing(seconds=limit - 0.1, slow=slow).is_late(10.0, all_stand=all_stand)


def test_the_ranks_that_moved_least_are_those_that_the_others_wait_for():
    assert furthest_behind({3: standing(4), 0: standing(5, 900), 1: standing(4), 2: standing(5)}) == [1, 3]
    assert furthest_behind({0: standing(7), 1: standing(7)}) == [0, 1]


def test_every_phase_has_words():
    assert len({phase.describe() for phase in Phase}) == len(Phase)
