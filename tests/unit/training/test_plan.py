"""What hosts agree on before they begin."""

import numpy as np
import pytest

from container.training import plan
from container.training.hosts.cluster import Cluster
from container.training.objective import Spread


@pytest.mark.parametrize(("copies", "rows"), [(4, 3), (2, 6)])
def test_each_row_counts_once_however_many_processes_have_it(copies, rows):
    class Alike(Cluster):
        def gather(self, value):
            return [value] * self.size

    labels = [np.array([2.0, 5.0]), np.empty(0), np.array([0.0])]
    hosts = Alike(("a", "a GPU 1", "b", "b GPU 1"), members=2)
    assert plan._spread(labels, hosts, copies) == Spread(rows, 0.0, 5.0)
    assert plan._spread([*labels, np.array([0.5])], hosts, copies).whole is False
