"""The entry point of ``train``."""

from container import logs
from container.contract import script_mode, threads
from container.contract.job import TrainingJob
from container.contract.member import Member
from container.contract.outcome import report_failure, stop_on_signals
from container.contract.paths import OptMl


def main() -> int:
    """Run the training job under /opt/ml; returns the exit code, 0 for a model or a stop that was asked for."""
    member = Member.from_env()
    logs.configure("INFO" if member.leads else "WARNING")
    opt_ml = OptMl.from_env()
    with stop_on_signals() as stop:
        try:
            if member.leads:
                opt_ml.failure.unlink(missing_ok=True)  # of an earlier run in the same local folder
            job = TrainingJob.read(opt_ml)
            if script := script_mode.Script.of(job, opt_ml):
                script_mode.run(script, job, opt_ml)
            else:
                threads.wait_briefly()
                from container.training.run import run  # here, so that a signal during the long imports is heard

                run(job, opt_ml, stop, member)
        except Exception as error:  # noqa: BLE001 - the outermost function: every failure must reach the failure file
            return report_failure(error, opt_ml.failure if member.leads else None)
    return 0
