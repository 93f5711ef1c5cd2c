"""Trains a classifier on the CSV files of the channel train, whose first column is the label."""

import argparse
import json
import os
from pathlib import Path

import pandas as pd
import xgboost as xgb


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-depth", type=int, default=5)
    parser.add_argument("--eta", type=float, default=0.2)
    parser.add_argument("--scale-pos-weight", type=float, default=1.0)
    parser.add_argument("--early-stopping-rounds", type=int, default=None)
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    return parser.parse_args()


def main():
    args = parse_args()
    rounds = json.loads(os.environ["SM_HPS"])["max-depth"] * 4
    frame = pd.concat(pd.read_csv(file, header=None) for file in sorted(Path(args.train).glob("*.csv")))
    held_out = frame.sample(frac=0.2, random_state=1)
    rest = frame.drop(held_out.index)

    model = xgb.train(
        {
            "objective": "binary:logistic",
            "eval_metric": "auc",
            "max_depth": args.max_depth,
            "eta": args.eta,
            "scale_pos_weight": args.scale_pos_weight,
        },
        xgb.DMatrix(rest.iloc[:, 1:], rest.iloc[:, 0]),
        rounds,
        evals=[(xgb.DMatrix(held_out.iloc[:, 1:], held_out.iloc[:, 0]), "validation")],
        early_stopping_rounds=args.early_stopping_rounds,
    )
    path = Path(args.model_dir) / "xgboost-model"
    model.save_model(path)
    print("saved", path)


if __name__ == "__main__":
    main()
