"""The example of docs/script-mode.md, and what it finds, for the test to see."""

# example
from container.contract.job import TrainingJob
from container.contract.paths import OptMl
from container.data.channel import CsvOptions, read_channel

channel = TrainingJob.read(OptMl.from_env()).channels["train"]
tables = list(read_channel(channel.path, channel.content_type, CsvOptions()))
# end of the example

for table in tables:
    print("read", table.place.name, list(table.names), table.rows)
