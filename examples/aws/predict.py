#!/usr/bin/env python3
"""Ask an endpoint for predictions of a file's rows, or of those on standard input; the reply goes to standard output.

    predict.py --endpoint-name xgboost-20260102-030405 rows.csv
    predict.py --endpoint-name … --custom-attributes output=contributions --accept application/json rows.csv
    echo '{"instances": [[1, 2, 3]]}' | predict.py --endpoint-name … --content-type application/json
    predict.py --endpoint-name … --input-location s3://my-bucket/in/rows.csv rows.csv    # an asynchronous endpoint

The options are named after the API's fields.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from botocore.exceptions import ClientError
from common import Aws, bucket_and_key, command, given, options, run, s3_uri, say
from errors import ScriptError
from interrupts import pause

CONTENT_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".libsvm": "text/libsvm",
    ".parquet": "application/x-parquet",
}
"""By a file's suffix; what has none of these is sent as CSV."""


def invoke(args: argparse.Namespace, aws: Aws, body: bytes) -> None:
    """InvokeEndpoint: the reply comes at once."""
    reply = aws.call(
        "sagemaker-runtime",
        "invoke_endpoint",
        EndpointName=args.endpoint_name,
        Body=body,
        ContentType=args.content_type,
        **given(Accept=args.accept, CustomAttributes=args.custom_attributes, TargetModel=args.target_model),
    )
    if reply:
        sys.stdout.buffer.write(reply["Body"].read())


def invoke_async(args: argparse.Namespace, aws: Aws, body: bytes | None) -> None:
    """InvokeEndpointAsync: the request is put into S3, and the reply is waited for there.

    Raises ScriptError with the container's words where the reply is an error.
    """
    if body is not None:
        bucket, key = bucket_and_key(args.input_location)
        aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType=args.content_type)
    sent = aws.call(
        "sagemaker-runtime",
        "invoke_endpoint_async",
        EndpointName=args.endpoint_name,
        InputLocation=args.input_location,
        ContentType=args.content_type,
        **given(Accept=args.accept, CustomAttributes=args.custom_attributes),
    )
    if not sent:
        return
    try:
        say(f"the reply will be {sent['OutputLocation']}")
        while True:
            reply = download(aws, sent["OutputLocation"])
            if reply is not None:
                sys.stdout.buffer.write(reply)
                return
            failure = download(aws, sent["FailureLocation"]) if sent.get("FailureLocation") else None
            if failure is not None:
                raise ScriptError(f"the model answers: {failure.decode(errors='replace').strip()}")
            pause(args.poll_interval)
    except KeyboardInterrupt:
        say(
            "\nthe request goes on; its reply is to be had by:", command(args, "aws s3 cp", sent["OutputLocation"], "-")
        )
        sys.exit(130)


def download(aws: Aws, uri: str) -> bytes | None:
    """What is at this address, or None while there is nothing."""
    bucket, key = bucket_and_key(uri)
    try:
        body: bytes = aws.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return body


def main(args: argparse.Namespace, aws: Aws) -> None:
    """Send the rows, and print what comes back."""
    args.content_type = args.content_type or CONTENT_TYPES.get(Path(args.file).suffix, "text/csv")
    there = args.input_location and args.file == "-"  # then there is nothing to upload
    body = None if there else sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
    if args.input_location:
        invoke_async(args, aws, body)
    else:
        invoke(args, aws, body or b"")


if __name__ == "__main__":
    parser = options(__doc__)
    add = parser.add_argument
    add("file", nargs="?", default="-", metavar="FILE", help="the rows; default: standard input")
    add("--endpoint-name", metavar="NAME", required=True)
    add("--content-type", metavar="TYPE", help="default: by the file's suffix, else text/csv")
    add("--accept", metavar="TYPE", help="of the reply; default: the endpoint's setting, text/csv")
    add("--custom-attributes", metavar="TEXT", help="such as output=predicted_label,probability: what replies say")
    add("--target-model", metavar="NAME", help="of a multi-model endpoint: which .tar.gz to ask")
    add(
        "--input-location",
        type=s3_uri,
        metavar="S3URI",
        help="asynchronous: where FILE is uploaded to; or without FILE, where the rows are already",
    )
    add("--poll-interval", type=float, default=5, metavar="SECONDS", help="asynchronous; default: %(default)s")
    run(main, parser.parse_args())
