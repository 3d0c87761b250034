"""How the tests are shared out among workers."""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

# A test of the replays at one speed.
REPLAYED = re.compile(r"test_recordings\.py::\w+\[(\w+)-")


class ReplaysTogether(LoadScopeScheduling):
    """Tests that share replays go to one worker, where these run once; every other test goes to whoever is free.

    The mark `xdist_group` would say so too, but xdist 3.8 writes it where pytest 9.2 no longer looks for it.
    """

    def _split_scope(self, nodeid: str) -> str:
        replayed = REPLAYED.search(nodeid)
        return f"replays at {replayed[1]}" if replayed else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> LoadScopeScheduling:
    return ReplaysTogether(config, log)
