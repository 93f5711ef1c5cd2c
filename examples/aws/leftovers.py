"""What stays and costs money when jobs and endpoints are gone: objects in S3, images in ECR, logs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import NamedTuple

from botocore.exceptions import ClientError
from common import Aws, bucket_and_key, camel, command, say
from errors import explain
from progress import LOG_GROUPS

GONE = ("NoSuchBucket", "RepositoryNotFoundException")


class Place(NamedTuple):
    """Where something may be left, how to list it, and the command that removes it when its name is put behind."""

    kind: str
    name: str
    listing: tuple[str, str, str]
    request: dict[str, str]
    size: str  # the field of an entry that has its bytes
    unit: str
    remove: str


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
        lines = list(self._lines(args))
        for line in lines or ["nothing"]:
            say(f"  {line}")

    def _lines(self, args: argparse.Namespace) -> Iterator[str]:
        for place in (*self._folders(), *self._repositories(), *self._groups()):
            try:
                found = self._aws.pages(*place.listing, **place.request)
                # A prefix finds other log groups too.
                sizes = [entry.get(place.size, 0) for entry in found if entry.get("logGroupName") in (None, place.name)]
            except ClientError as error:
                if error.response["Error"]["Code"] not in GONE:
                    yield f"{place.kind}{place.name}: {explain(error)}"
                continue
            if sizes:
                size = f"{sum(sizes) / 1e6:.1f} MB"
                count = f"{len(sizes)} {place.unit}, {size}" if place.unit else size
                yield f"{place.kind}{place.name}: {count}; {command(args, place.remove, place.name)}"

    def _folders(self) -> Iterator[Place]:
        listing = ("s3", "list_objects_v2", "Contents")
        for folder in sorted(self.folders):
            if any(folder != other and folder.startswith(other) for other in self.folders):
                continue  # counted with the other
            bucket, prefix = bucket_and_key(folder)
            request = {"Bucket": bucket, "Prefix": prefix}
            yield Place("", folder, listing, request, "Size", "objects", "aws s3 rm --recursive")

    def _repositories(self) -> Iterator[Place]:
        listing = ("ecr", "describe_images", "imageDetails")
        remove = "aws ecr delete-repository --force --repository-name"
        for place in sorted({re.split("[@:]", image)[0] for image in self.images if ".dkr.ecr." in image}):
            registry, repository = place.split(".")[0], place.partition("/")[2]
            request = {"registryId": registry, "repositoryName": repository}
            yield Place("ECR repository ", repository, listing, request, "imageSizeInBytes", "images", remove)

    def _groups(self) -> Iterator[Place]:
        listing = ("logs", "describe_log_groups", "logGroups")
        remove = "aws logs delete-log-group --log-group-name"
        for group in sorted(self.groups):
            yield Place("log group ", group, listing, {"logGroupNamePrefix": group}, "storedBytes", "", remove)
