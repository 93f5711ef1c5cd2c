"""The command line of ``train`` and ``serve``: they take no arguments, for SageMaker gives them none."""

import logging
from collections.abc import Sequence

from container.contract.paths import OptMl

_HELP = {
    "train": """usage: train

Trains on the files in {opt_ml.data}/train with the hyperparameters in
{opt_ml.hyperparameters}, and writes the model to {opt_ml.model}.
It takes no arguments; all that can be set is in docs/hyperparameters.md.""",
    "serve": """usage: serve

Serves the model in {opt_ml.model} on port 8080, or SAGEMAKER_BIND_TO_PORT.
It takes no arguments; its environment variables are in docs/settings.md.""",
}
_INSTEAD = {
    "train": "hyperparameters are read from {opt_ml.hyperparameters}",
    "serve": "settings are environment variables",
}

log = logging.getLogger(__name__)


def helps(program: str, arguments: Sequence[str], opt_ml: OptMl) -> bool:
    """Log the help of ``train`` or ``serve`` where it is asked for, which is all that is to be done then.

    Other arguments are named in the log and ignored, as AWS's image ignores them.
    """
    if {"-h", "--help"} & {*arguments}:
        log.info("%s", _HELP[program].format(opt_ml=opt_ml))
        return True
    if arguments:
        instead = _INSTEAD[program].format(opt_ml=opt_ml)
        log.warning("%s takes no arguments, and ignores %s; %s", program, " ".join(arguments), instead)
    return False
