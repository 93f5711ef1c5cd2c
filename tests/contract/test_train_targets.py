"""``train`` where more than one column is no feature: groups, bounds and several targets, to the predictions."""

import io
import json

import numpy as np
import pytest
import xgboost

from container.data.formats import ContentType, read_request
from container.model import artifact
from container.model.predictor import Predictor
from tests.contract.job import Job


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path / "ml", {"num_round": 20, "max_depth": 3})


def scores(job, body, content_type="text/csv"):
    """What the job's model says of a request."""
    predictor = Predictor(artifact.load(job.model / "xgboost-model"))
    return predictor.predict(read_request(body.encode(), ContentType.parse(content_type), predictor.schema)).scores


def parquet(**columns) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


class TestGroups:
    """Ranking: in each query, the greater x, the better the row."""

    @pytest.fixture
    def columns(self):
        random = np.random.default_rng(0)
        query = np.repeat(np.arange(40), 5)
        x = random.normal(size=200)
        grade = np.concatenate([np.argsort(np.argsort(of)) for of in x.reshape(40, 5)])
        order = random.permutation(200)  # the rows of a query are spread over the files
        return grade[order].tolist(), [f"q{number}" for number in query[order]], x[order].tolist()

    def files(self, columns, form):
        names = ("grade", "query", "x")
        parts = [[of[:90] for of in columns], [of[90:] for of in columns]]
        if form == "csv":
            texts = ("".join(f"{row[0]},{row[1]},{row[2]}\n" for row in zip(*part, strict=True)) for part in parts)
            return {f"{i}.csv": ",".join(names) + "\n" + text for i, text in enumerate(texts)}
        if form == "parquet":
            return {f"{i}.parquet": parquet(**dict(zip(names, part, strict=True))) for i, part in enumerate(parts)}
        records = ([dict(zip(names, row, strict=True)) for row in zip(*part, strict=True)] for part in parts)
        return {f"{i}.jsonl": "\n".join(map(json.dumps, of)) + "\n" for i, of in enumerate(records)}

    @pytest.fixture
    def expected(self, columns):
        """What XGBoost itself learns of the rows sorted by query."""
        grade, query, x = (np.array(column) for column in columns)
        _, number = np.unique(query, return_inverse=True)
        order = np.argsort(number, kind="stable")
        data = xgboost.DMatrix(x[order, None], grade[order], qid=number[order], nthread=1)
        return float(
            xgboost.train({"objective": "rank:ndcg", "max_depth": 3, "nthread": 1}, data, 20)
            .eval(data)
            .rpartition(":")[2]
        )

    @pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
    def test_rows_of_a_query_come_together_from_all_files(self, job, train, capsys, columns, form, expected):
        job.hyperparameters |= {"objective": "rank:ndcg", "target": "grade", "group_column": "query"}
        assert train(job.channel("train", self.files(columns, form))) == 0
        log = capsys.readouterr().out
        assert "queries       40" in log
        assert float(log.split("[19]\ttrain-ndcg@32:")[1].split()[0]) == pytest.approx(expected, abs=0.005)
        low, high = scores(job, "-1\n1\n")
        assert low < high
        # The query may come along, and so may it by name.
        assert scores(job, "q1,-1\nq77,1\n").tolist() == [low, high]
        assert scores(job, "x,query\n-1,q1\n1,q1\n").tolist() == [low, high]

    def test_folds_keep_queries_whole(self, job, train, columns):
        job.hyperparameters |= {"objective": "rank:ndcg", "target": "grade", "group_column": "query", "_kfold": 3}
        assert train(job.channel("train", self.files(columns, "csv"))) == 0
        assert len(job.models) == 3

    def test_ids_beyond_32_bits_stay_apart(self, job, train, capsys):
        lines = "".join(f"{i % 3},{i % 3} qid:{(i // 6) * 2**32}" + f" 0:{i % 3}\n" for i in range(60))
        lines = lines.replace(",0 ", " ").replace(",1 ", " ").replace(",2 ", " ")
        job.hyperparameters |= {"objective": "rank:ndcg", "num_round": 2}
        assert train(job.channel("train", {"a": lines}, "text/libsvm")) == 0
        assert "queries       10" in capsys.readouterr().out

    def test_rows_without_a_group(self, job, train, capsys):
        job.hyperparameters |= {"objective": "rank:pairwise", "num_round": 2}
        assert train(job.channel("train", {"a.csv": "".join(f"{i % 3},{i}\n" for i in range(60))})) == 0
        assert "none are told apart, and all rows are ranked against each other" in capsys.readouterr().out

    @pytest.mark.parametrize("objective", ["multi:softmax", "binary:logistic", "reg:squarederror"])
    def test_queries_are_left_out_where_nothing_is_ranked(self, job, train, capsys, objective):
        """XGBoost would take the weights of rows for weights of queries, and end the process."""
        rows = [(f"{i % 2}:{1 + i % 3}", f"qid:{i // 6}", f"0:{i % 5} 1:{i % 7}\n") for i in range(60)]
        scores = []
        for number, parts in enumerate(([0, 1, 2], [0, 2])):
            run = Job(job.root / str(number), {**job.hyperparameters, "objective": objective})
            text = "".join(" ".join(row[part] for part in parts) for row in rows)
            assert train(run.channel("train", {"a": text}, "text/libsvm")) == 0
            log = capsys.readouterr().out
            assert (f"queries (qid) are left out: {objective} does not rank" in log) == (1 in parts)
            scores.append([line.split(": ")[-1] for line in log.splitlines() if "train-" in line])
        assert scores[0] == scores[1] != []

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            (
                {"objective": "rank:ndcg", "group_column": "q"},
                "'group_column' names a column, and sparse rows have none",
            ),
            ({"target": '["a", "b"]'}, "'target' names several columns, and sparse rows have one label"),
            ({"target": "price"}, "'target' names a column, and sparse rows begin with their label; leave it out"),
            ({"weight_column": "2"}, "'weight_column' names a column, and sparse rows have none; write label:weight"),
            ({"ignore_columns": "0"}, "'ignore_columns' names a column, and sparse rows have none; leave those"),
            ({"categorical_columns": "0"}, "'categorical_columns' names a column, and sparse rows have none"),
        ],
    )
    def test_a_column_is_asked_for_where_there_are_none(self, job, train, asked, message):
        job.hyperparameters |= asked
        assert train(job.channel("train", {"a": "1 0:1\n0 0:2\n"}, "text/libsvm")) == 1
        assert message in job.failure


class TestBounds:
    def test_a_time_between_two_bounds(self, job, train):
        """Half the rows are known exactly, a quarter is between bounds, a quarter was not seen to end."""
        lines = ["id,least,x,most"]
        for i in range(400):
            time = 10.0 if i % 2 else 100.0
            least, most = ((time, time), (time, time), (time * 0.9, time * 1.1), (time * 0.9, ""))[i // 2 % 4]
            lines.append(f"{i},{least},{i % 2},{most}")
        job.hyperparameters |= {
            "objective": "survival:aft",
            "lower_bound_column": "least",
            "upper_bound_column": "most",
            "ignore_columns": "id",
            "aft_loss_distribution_scale": "0.3",
            "eval_metric": "interval-regression-accuracy,aft-nloglik",
        }
        assert train(job.channel("train", {"a.csv": "\n".join(lines)})) == 0
        long, short = scores(job, "x\n0\n1\n")
        assert 80 < long < 160
        assert 8 < short < 16

    def test_a_row_whose_bounds_are_swapped(self, job, train):
        job.hyperparameters |= {
            "objective": "survival:aft", "target": "x", "lower_bound_column": "a", "upper_bound_column": "b"
        }  # fmt: skip
        assert train(job.channel("train", {"t.csv": "a,b,x,z\n1,2,3,1\n5,4,3,1\n"})) == 1
        assert "the upper bound 4 is below the lower bound 5 in 'a' (" in job.failure
        assert "t.csv line 3, column 'b')" in job.failure

    def test_cox(self, job, train):
        """Rows with x = 1 fail at once, the others late or not at all."""
        job.hyperparameters |= {"objective": "survival:cox"}
        lines = "".join(f"{1 + i % 7 if i % 2 else (-50 if i % 4 else 40 + i % 9)},{i % 2}\n" for i in range(200))
        assert train(job.channel("train", {"a.csv": lines})) == 0
        late, soon = scores(job, "0\n1\n")
        assert soon > 2 * late


class TestSeveralOutputs:
    LINES = "size,a,b,color\n" + "".join(f"{i},{2 * i},{-i},{'red' if i % 2 else 'blue'}\n" for i in range(100))

    @pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
    @pytest.mark.parametrize("target", ['["b", "a"]', "b,a"])
    def test_each_target_has_an_output(self, job, train, capsys, strategy, target):
        job.hyperparameters |= {"target": target, "multi_strategy": strategy, "eval_metric": "mse,r2,rmse"}
        assert train(job.channel("train", {"a.csv": self.LINES}).channel("validation", {"a.csv": self.LINES})) == 0
        assert scores(job, "30,red\n70,red\n") == pytest.approx(np.array([[-30, 60], [-70, 140]]), abs=8)
        assert artifact.load(job.model / "xgboost-model").schema.targets == ("b", "a")
        log = capsys.readouterr().out
        assert "target        b: numbers from -99 to 0" in log
        last = dict(item.rsplit(":", 1) for item in log.split("[19]\t")[1].split("\n")[0].split("\t"))
        assert float(last["validation-rmse"]) ** 2 == pytest.approx(float(last["validation-mse"]), rel=1e-3)
        assert float(last["train-r2"]) > 0.98

    def test_folds(self, job, train):
        job.hyperparameters |= {"target": "a,b", "_kfold": 2}
        assert train(job.channel("train", {"a.csv": self.LINES})) == 0
        header, first, *_ = (job.output / "data" / "predictions.csv").read_text().splitlines()
        assert header == "label_a,label_b,prediction_a,prediction_b"
        assert len(first.split(",")) == 4

    def test_a_label_of_the_second_target_is_named(self, job, train):
        job.hyperparameters |= {"target": "a,b", "objective": "reg:gamma"}
        assert train(job.channel("train", {"t.csv": "a,b,x\n1,2,3\n1,-2,3\n"})) == 1
        assert "labels for reg:gamma must be greater than 0, and this is -2 (" in job.failure
        assert "t.csv line 3, column 'b')" in job.failure


@pytest.mark.parametrize(
    ("objective", "name"), [("reg:quantileerror", "quantile_alpha"), ("reg:expectileerror", "expectile_alpha")]
)
def test_several_quantiles(job, train, objective, name):
    job.hyperparameters |= {"objective": objective, name: "0.1,0.5,0.9", "num_round": 40, "max_depth": 1}
    assert train(job.channel("train", {"a.csv": "".join(f"{i % 101},{i % 2}\n" for i in range(2020))})) == 0
    ((low, between, high),) = scores(job, "1\n")
    assert between == pytest.approx(50, abs=8)
    assert low < between - 10
    assert high > between + 10
