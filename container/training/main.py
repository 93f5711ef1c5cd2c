"""The entry point of ``train``."""

import gc
from collections.abc import Sequence

from container import logs
from container.contract import allocator, command, libraries, script_mode, threads
from container.contract.job import TrainingJob
from container.contract.member import Member
from container.contract.outcome import forget_failure, report_failure, stop_on_signals
from container.contract.paths import OptMl


def main(arguments: Sequence[str] = ()) -> int:
    """Run the training job under /opt/ml; returns the exit code, 0 for a model or a stop that was asked for."""
    member = Member.from_env()
    logs.configure("INFO" if member.leads else "WARNING")
    opt_ml = OptMl.from_env()
    if member.leads and command.helps("train", arguments, opt_ml):
        return 0
    with stop_on_signals() as stop:
        try:
            if member.leads:
                forget_failure(opt_ml.failure)
            job = TrainingJob.read(opt_ml)
            if script := script_mode.Script.of(job, opt_ml):
                script_mode.run(script, job, opt_ml)
            else:
                allocator.keep()
                threads.wait_briefly()
                threads.without_blas()
                gc.disable()  # imports make half a million objects and drop next to none of them
                libraries.without_extras()
                from container.training.run import run  # here, so that a signal during the long imports is heard

                gc.freeze()  # nor need the collector look at them later
                gc.enable()
                run(job, opt_ml, stop, member)
        except Exception as error:  # noqa: BLE001 - the outermost function: every failure must reach the failure file
            return report_failure(error, opt_ml.failure if member.leads else None)
    return 0
