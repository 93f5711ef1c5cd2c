"""The usual sample of an XGBoost server: Flask, pandas, a DMatrix for each request. MODEL names the model's file."""

import io
import os

import flask
import pandas
import xgboost

app = flask.Flask(__name__)
booster = None


def model() -> xgboost.Booster:
    global booster
    if booster is None:  # in the worker: XGBoost's threads do not survive a fork
        booster = xgboost.Booster(model_file=os.environ["MODEL"])
    return booster


@app.get("/ping")
def ping() -> flask.Response:
    return flask.Response(status=200 if model() else 404)


@app.post("/invocations")
def invocations() -> flask.Response:
    table = pandas.read_csv(io.BytesIO(flask.request.data), header=None)
    scores = model().predict(xgboost.DMatrix(table.to_numpy()))
    return flask.Response("\n".join(map(str, scores)), mimetype="text/csv")
