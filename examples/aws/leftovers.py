"""What stays and costs money when jobs and endpoints are gone: objects in S3, images in ECR, logs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from botocore.exceptions import ClientError
from common import Aws, bucket_and_key, camel, command, say
from errors import explain
from progress import LOG_GROUPS


class Traces:
    """Where the things that were found write to, and what they are made of."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.folders: set[str] = set()
        self.images: set[str] = set()
        self.groups: set[str] = set()

    def follow(self, what: str, name: str) -> None:
        """Note the traces of a ``training_job``, ``endpoint_config``, … by this name."""
        about = self._aws.call("sagemaker", f"describe_{what}", **{f"{camel(what)}Name": name})
        if what in LOG_GROUPS:
            self.groups.add(LOG_GROUPS[what].format(name))
        # A tuning job's training jobs have its tags, and are found by themselves.
        output = about.get("OutputDataConfig", {}).get("S3OutputPath")
        replies = about.get("AsyncInferenceConfig", {}).get("OutputConfig", {})
        written = [
            output and f"{output.rstrip('/')}/{name}",
            about.get("CheckpointConfig", {}).get("S3Uri"),
            about.get("TransformOutput", {}).get("S3OutputPath"),
            about.get("DataCaptureConfig", {}).get("DestinationS3Uri"),
            replies.get("S3OutputPath"),
            replies.get("S3FailurePath"),
        ]
        # With the slash, so that what is counted is what aws s3 rm --recursive removes.
        self.folders |= {f"{uri.rstrip('/')}/" for uri in written if uri}
        made_of = [
            about.get("AlgorithmSpecification", {}).get("TrainingImage"),
            about.get("PrimaryContainer", {}).get("Image"),
        ]
        self.images |= {image for image in made_of if image}

    def show(self, args: argparse.Namespace) -> None:
        """Count and size what is left, with the command that removes it."""
        say("what is left of it and costs money (look before you delete: others may write to the same places):")
        lines = [*self._objects(args), *self._images(args), *self._logs(args)]
        for line in lines or ["nothing"]:
            say(f"  {line}")

    def _objects(self, args: argparse.Namespace) -> Iterable[str]:
        for folder in sorted(self.folders):
            if any(folder != other and folder.startswith(other) for other in self.folders):
                continue  # counted with the other
            bucket, prefix = bucket_and_key(folder)
            try:
                found = self._aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
                sizes = [entry["Size"] for entry in found]
            except ClientError as error:
                yield f"{folder}: {explain(error)}"
                continue
            if sizes:
                remove = command(args, "aws s3 rm --recursive", folder)
                yield f"{folder}: {len(sizes)} objects, {megabytes(sum(sizes))}; {remove}"

    def _images(self, args: argparse.Namespace) -> Iterable[str]:
        places = {image.partition("@")[0].partition(":")[0] for image in self.images if ".dkr.ecr." in image}
        for place in sorted(places):
            registry, repository = place.split(".")[0], place.partition("/")[2]
            try:
                what = ("ecr", "describe_images", "imageDetails")
                where = {"registryId": registry, "repositoryName": repository}
                sizes = [image["imageSizeInBytes"] for image in self._aws.pages(*what, **where)]
            except ClientError as error:
                yield f"ECR repository {repository}: {explain(error)}"
                continue
            if sizes:
                remove = command(args, "aws ecr delete-repository --force --repository-name", repository)
                yield f"ECR repository {repository}: {len(sizes)} images, {megabytes(sum(sizes))}; {remove}"

    def _logs(self, args: argparse.Namespace) -> Iterable[str]:
        for group in sorted(self.groups):
            try:
                found = list(self._aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=group))
            except ClientError as error:
                yield f"log group {group}: {explain(error)}"
                continue
            for entry in found:
                if entry["logGroupName"] == group:
                    remove = command(args, "aws logs delete-log-group --log-group-name", group)
                    yield f"log group {group}: {megabytes(entry.get('storedBytes', 0))}; {remove}"


def megabytes(count: int) -> str:
    """A number of bytes for people, in units of 1,000,000."""
    return f"{count / 1e6:.1f} MB"
