"""What a watch shows while its first reading goes on."""

from __future__ import annotations

from itertools import pairwise

from migstat.model.nodes import child_of
from migstat.model.verdict import Verdict
from tests.watching import EPOCH, SimulatedWatch, migration, moved


def test_a_long_first_reading_is_shown_as_it_goes_on() -> None:
    """Every second what was seen so far, out of how many, with the scopes; and nothing more after it."""
    projects = [moved(f"P{number:02}", 60 + number, 300 + 5 * number) for number in range(60)]
    sim = SimulatedWatch(migration(*projects, scopes=(moved("apps", 40, 900),), page_size=3), begin=310, latency=0.4)
    events = sim.events()  # kept, or the client would be closed
    next(events)
    shown, keys = sim.filled, sim.session.job.included_keys("projects")
    assert len(shown) > 5
    assert shown[0].at - (EPOCH + sim.sent[0].at) * 1000 < 5000
    for view in shown:
        snapshot, (count, total) = view.snapshot, view.reading or (0, 0)
        assert snapshot is not None
        assert total == len(keys)
        assert count == len(snapshot.shape.leaves)
        assert (snapshot.verdict, snapshot.job_name) == (Verdict.RUNNING, sim.session.job.name)
        assert snapshot.summary is not None
        assert snapshot.summary.total == total
        assert len((child_of(snapshot.node, "migrate") or snapshot.node).children or ()) > 1
    assert all(later.at - earlier.at >= 1000 for earlier, later in pairwise(shown))
    counts = [view.reading[0] for view in shown if view.reading]
    assert counts == sorted(counts)
    seen = len(shown)
    sim.poller.read_all()
    assert len(sim.filled) == seen
