"""What several hosts, or several GPUs, cannot train together: told before the data is read, where it can be.

Sources: XGBoost 3.4, which refuses ``exact``, ``ams`` and ``cox-nloglik`` once it trains (updater_colmaker.cc,
rank_metric.cc), and gives each host what its own rows make of the others, seen by running them.
"""

from collections.abc import Iterator, Sequence

from container.errors import UserError
from container.training.hosts.cluster import Cluster
from container.training.hyperparameters.conflicts import grown_by
from container.training.hyperparameters.metric_names import RANKING, base_name
from container.training.hyperparameters.parameters import Parameters
from container.training.rows.encoded import Rows


def undivided(settings: Parameters, objective: str | None, *, continues: bool = False) -> Iterator[tuple[str, str]]:
    """What is asked for that one process has to train alone, and what else to do about it; no objective: a default.

    Where training ``continues`` an earlier model, that has decided the booster and the objective.
    """
    without = "train without the channel 'model'" if continues else None
    if settings.kfold:
        yield "'_kfold': cross-validation", "leave it out"
    if settings.booster == "gblinear":
        yield "'booster': gblinear, which XGBoost does not distribute,", without or "use gbtree"
    else:
        name, given, method = grown_by(settings)
        if method == "exact":
            yield f"{name!r}: {given}", "use 'hist'" if name == "tree_method" else "use tree_method 'hist'"
    if objective == "survival:cox":
        yield "'objective': survival:cox, which compares each row with all others,", without or "use survival:aft"
    if settings.lambdarank_unbiased:
        yield "'lambdarank_unbiased', which finds the bias among a process's own queries,", "set it to 0"
    for metric in settings.eval_metric:
        name = base_name(metric)
        # Of queries, each of which is on one host, or without queries of all rows as one.
        if name == "ams" or (name in RANKING and not (objective or "").startswith("rank:")):
            yield f"'eval_metric': {metric}, which compares each row with all others,", "leave it out"


def check_divisible(settings: Parameters, objective: str | None, cluster: Cluster, *, continues: bool = False) -> None:
    """Refuse what several hosts would each train on its own rows.

    Raises:
        UserError: a line for each.
    """
    if cluster.size > 1 and (found := list(undivided(settings, objective, continues=continues))):
        lines = (f"{what} is trained by one process, and {_several(cluster)}, or {instead}" for what, instead in found)
        raise UserError("\n".join(lines))


def check_queries(parts: Sequence[Rows], objective: str, cluster: Cluster) -> None:
    """Refuse ranking without queries, in which XGBoost takes the rows of each host for one query.

    Raises:
        UserError: as said.
    """
    if cluster.size > 1 and objective.startswith("rank:") and any(part.group is None for part in parts):
        raise UserError(
            f"{objective} without queries orders all rows as one, and {_several(cluster)}, or name the queries' column "
            "in 'group_column' (LIBSVM: write qid:<number> after each label)"
        )


def _several(cluster: Cluster) -> str:
    """How many there are, and how to have one."""
    count = cluster.size // cluster.members
    if count > 1:
        return f"the job has {count} hosts; set the instance count to 1"
    return f"the host has {cluster.members} GPUs; set device to cuda:0"
