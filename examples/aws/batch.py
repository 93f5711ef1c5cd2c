#!/usr/bin/env python3
"""Predict a whole file, or a folder of files: CreateTransformJob, then its progress and log until it is done.

    batch.py --training-job-name xgboost-20260102-030405 --s3-uri s3://my-bucket/ames/rows/ \\
        --s3-output-path s3://my-bucket/ames/predictions/ --join-source Input

The options are named after the API's fields. Files have no header row, as they are split into requests between lines.
Each file's predictions are a file of its name with .out behind it; the folder is printed on standard output.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import Aws, command, given, new_name, options, parse, run, s3_uri, say, tags, waiting
from deploy import create_model, model_options
from progress import later, left_running, watch


def transform_job(args: argparse.Namespace, name: str, model: str) -> dict[str, Any]:
    """The fields of CreateTransformJob."""
    return given(
        TransformJobName=name,
        ModelName=model,
        BatchStrategy=args.batch_strategy,
        MaxPayloadInMB=args.max_payload_in_mb,
        MaxConcurrentTransforms=args.max_concurrent_transforms,
        Environment=dict(args.environment),
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": args.s3_uri}},
            "ContentType": args.content_type,
            "CompressionType": args.compression_type,
            "SplitType": args.split_type,
        },
        TransformOutput=given(S3OutputPath=args.s3_output_path, Accept=args.accept, AssembleWith=args.assemble_with),
        TransformResources={"InstanceType": args.instance_type, "InstanceCount": args.instance_count},
        DataProcessing=given(
            InputFilter=args.input_filter, JoinSource=args.join_source, OutputFilter=args.output_filter
        ),
    )


def main(args: argparse.Namespace, aws: Aws) -> None:
    """Start the job, unless it is there, and wait for it."""
    name = args.wait or args.transform_job_name
    stop = command(args, "aws sagemaker stop-transform-job", "--transform-job-name", name)
    with left_running(args, name, stop):
        if not args.wait:
            if not args.model_name:
                create_model(args, aws, name)
            request = transform_job(args, name, args.model_name or name)
            aws.call("sagemaker", "create_transform_job", **request, Tags=tags(args))
        if args.no_wait:
            later(args, name, stop)
            return
        done = watch(args, aws, "transform_job", name)
    if done:
        folder = done["TransformOutput"]["S3OutputPath"]
        say("next:", command(args, f"aws s3 cp --recursive {folder} predictions/"))
        say("then:", command(args, "clean_up.py"))
        print(folder)


if __name__ == "__main__":
    parser = options(__doc__)
    add = parser.add_argument
    add("--transform-job-name", default=new_name(), help="default: xgboost-DATE-TIME")
    add("--model-name", metavar="NAME", help="a model that is there; else one is made, as the next options say")
    model_options(parser)
    add("--s3-uri", type=s3_uri, metavar="S3URI", help="the file or folder to predict (needed)")
    add("--s3-output-path", type=s3_uri, metavar="S3URI", help="where the predictions go (needed)")
    add("--content-type", default="text/csv", help="of the files; default: %(default)s")
    add("--compression-type", choices=["None", "Gzip"], default="None", help="of the files; default: %(default)s")
    add("--split-type", choices=["Line", "RecordIO", "None"], default="Line", help="default: %(default)s")
    add(
        "--batch-strategy",
        choices=["MultiRecord", "SingleRecord"],
        default="MultiRecord",
        help="as many lines a request as --max-payload-in-mb lets through, or one; default: %(default)s",
    )
    add("--max-payload-in-mb", type=int, help="of a request; default: what the container says")
    add("--max-concurrent-transforms", type=int, help="requests at once; default: what the container says")
    add("--accept", default="text/csv", metavar="TYPE", help="of the predictions; default: %(default)s")
    add("--assemble-with", choices=["Line", "None"], default="Line", help="default: %(default)s")
    add("--join-source", choices=["Input", "None"], help="Input: each line of the input, and its prediction behind it")
    add(
        "--input-filter",
        metavar="JSONPATH",
        help="what of each line to send: $[1:] for all but the first column",
    )
    add(
        "--output-filter",
        metavar="JSONPATH",
        help="what of each line, joined or not, to keep: $[0,-1] for the first and last",
    )
    add("--instance-type", default="ml.m5.large", help="default: %(default)s")
    add("--instance-count", type=int, default=1, help="files are shared out between them; default: %(default)s")
    waiting(parser, "transform job")
    run(main, parse(parser, "--s3-uri", "--s3-output-path"))
