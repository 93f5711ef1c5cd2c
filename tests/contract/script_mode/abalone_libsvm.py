"""Trains on the channels train and validation, both LIBSVM, with XGBoost's own functions."""

import argparse
import json
import logging
import os
from pathlib import Path

import xgboost as xgb

logging.basicConfig(level=logging.INFO)


def load(folder):
    """All LIBSVM files of a channel as one matrix."""
    joined = Path("/tmp") / f"{Path(folder).name}.libsvm"
    joined.write_text("".join(path.read_text() for path in sorted(Path(folder).iterdir())))
    return xgb.DMatrix(f"{joined}?format=libsvm")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()

    # What a tuning job would vary.
    parser.add_argument("--num_round", type=int)
    parser.add_argument("--max_depth", type=int)
    parser.add_argument("--eta", type=float)
    parser.add_argument("--subsample", type=float, default=1)
    parser.add_argument("--objective", type=str)

    # What SageMaker says.
    parser.add_argument("--output_data_dir", type=str, default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    parser.add_argument("--model_dir", type=str, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", type=str, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=str, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--sm_hosts", type=str, default=os.environ.get("SM_HOSTS"))
    parser.add_argument("--sm_current_host", type=str, default=os.environ.get("SM_CURRENT_HOST"))
    args, _ = parser.parse_known_args()

    logging.info("host %s of %s", args.sm_current_host, json.loads(args.sm_hosts))
    train, validation = load(args.train), load(args.validation)
    results = {}
    booster = xgb.train(
        {
            "max_depth": args.max_depth,
            "eta": args.eta,
            "subsample": args.subsample,
            "objective": args.objective,
            "eval_metric": "rmse",
        },
        train,
        num_boost_round=args.num_round,
        evals=[(train, "train"), (validation, "validation")],
        evals_result=results,
    )
    Path(args.output_data_dir, "metrics.json").write_text(json.dumps(results))
    booster.save_model(f"{args.model_dir}/xgboost-model")
