import param

from xpapp.runtime.watchers import stop


class State(param.Parameterized):
    z = param.Integer(0)


def test_stopped_watchers_hear_nothing_and_others_go_on():
    state, other, heard, kept = State(), State(), [], []
    watchers = [one.param.watch(heard.append, "z") for one in (state, other)]
    state.param.watch(kept.append, "z")
    state.z = other.z = 1
    assert len(heard) == 2
    stop(watchers)
    state.z = other.z = 2
    assert len(heard) == 2 and [event.new for event in kept] == [1, 2]
