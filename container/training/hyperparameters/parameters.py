"""Every hyperparameter there is, declared once: type, range, default and meaning.

``parse.py`` reads jobs with these declarations and ``docs/generate.py`` writes the documentation
from them. A field that is None was not given: XGBoost's own default (named in ``default``) holds.
Sources: XGBoost 3.4's parameter declarations and the built-in SageMaker algorithm's schema.
"""

from functools import partial
from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from container.training.hyperparameters.types import (
    Column,
    Columns,
    Delimiter,
    Device,
    Folder,
    Fractions,
    Header,
    Interactions,
    Metrics,
    Monotone,
    Numbers,
    Objective,
    Target,
    Updaters,
)

JOB = "The job"
DATA = "The data"
TASK = "Learning task"
TREES = "Trees"
DROPOUT = "Dropout (booster `dart`)"
LINEAR = "Linear booster (`gblinear`)"
RANKING = "Ranking"
MACHINE = "Machine"


def _parameter(doc: str, *, group: str, default: str = "", name: str | None = None, **bounds: Any) -> Any:
    """A field that is None unless given; ``default`` says in words what then holds."""
    value = bounds.pop("value", None)
    about: dict[str, Any] = {"group": group, "default": default or _in_words(value)}
    return Field(value, alias=name, description=doc, json_schema_extra=about, **bounds)


def _in_words(value: object) -> str:
    if value is None:
        return ""
    return f"`{value}`" if isinstance(value, str) else str(int(value) if isinstance(value, bool) else value)


_job = partial(_parameter, group=JOB)
_data = partial(_parameter, group=DATA)
_task = partial(_parameter, group=TASK)
_tree = partial(_parameter, group=TREES)
_dart = partial(_parameter, group=DROPOUT)
_linear = partial(_parameter, group=LINEAR)
_rank = partial(_parameter, group=RANKING)
_machine = partial(_parameter, group=MACHINE)


class Parameters(BaseModel):
    """The hyperparameters of one job, by type. Aliases, quoting and rules across fields are not known here."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    num_round: int = _job("Number of boosting rounds.", value=100, ge=1)
    early_stopping_rounds: int | None = _job(
        "Stop when the last metric on the validation data has not improved for this many rounds.",
        default="off",
        ge=1,
    )
    min_delta: float = _job(
        "Least change of that metric that counts as an improvement for early stopping.", value=0.0, default="0", ge=0
    )
    checkpoint_interval: int | None = _job(
        "Rounds between checkpoints, where the job has a checkpoint folder.", default="by time, under 1 % of it", ge=1
    )
    eval_metric: Metrics = _job(
        "Metrics to log each round; early stopping watches the last one.", value=(), default="by objective"
    )
    save_model_on_termination: bool = _job(
        "Save the model of the rounds done when the job is stopped (stop request, time limit, spot reclaim).",
        value=True,
    )
    kfold: int | None = _job("Number of cross-validation folds.", name="_kfold", default="off", ge=2)
    num_cv_round: int = _job("Times the cross-validation is repeated.", name="_num_cv_round", value=1, ge=1)
    cache_dir: Folder = _job("Folder on a disk for data that is larger than memory.", value="/tmp")
    tuning_objective_metric: str | None = _job(
        "Sent by tuning jobs, such as `validation:rmse`: the last of `eval_metric`, where that lacks it.",
        name="_tuning_objective_metric",
        default="none",
    )
    use_dask_gpu_training: bool = _job(
        "Of the built-in algorithm; `1` or `true` means `device=cuda` here, there is no Dask.", value=False
    )

    target: Target = _data("Column to predict, or several for a model with an output for each.", value=0)
    header: Header = _data("Whether CSV files begin with a header row.", value="auto")
    delimiter: Delimiter = _data("What separates the cells of CSV files.", value="auto")
    ignore_columns: Columns = _data("Columns to leave out.", value=(), default="none")
    categorical_columns: Columns = _data(
        "Columns of numbers that are codes for categories. Text columns are categories anyway.",
        value=(),
        default="none",
    )
    weight_column: Column | None = _data("Column with the weight of each row.", default="none")
    group_column: Column | None = _data("For ranking: column with each row's query, numbers or text.", default="none")
    lower_bound_column: Column | None = _data(
        "For `survival:aft`, in place of `target`: column with the least time of each row.", default="none"
    )
    upper_bound_column: Column | None = _data(
        "… with the greatest; empty or `inf` where the event has not been seen.", default="none"
    )
    csv_weights: bool = _data("`1`: the second column of CSV files is the weight of each row.", value=False)
    label_attribute: str | None = _data(
        "Of Ground Truth manifests: the attribute that holds the label.", default="the one with metadata"
    )
    record_identifier: str | None = _data(
        "Of a Feature Store offline store: the feature that identifies a record; it is not learned from.",
        default="by its name",
    )
    event_time: str | None = _data(
        "Of a Feature Store offline store: the feature with the event time; it is not learned from.",
        default="by its name",
    )

    objective: Objective | None = _task(
        "What is learned. `reg:linear` is the old name of `reg:squarederror`.", default="from the target"
    )
    num_class: int | None = _task("Number of classes, for `multi:*`.", default="from the target", ge=2)
    base_score: Numbers | None = _task("Prediction to start from.", default="from the target")
    scale_pos_weight: float | None = _task("Weight of the positive class.", default="1", gt=0)
    tweedie_variance_power: float | None = _task(
        "Variance power of the Tweedie distribution: near 2 like gamma, near 1 like Poisson.",
        default="1.5",
        gt=1,
        lt=2,
    )
    huber_slope: float | None = _task("Slope of `reg:pseudohubererror`.", default="1", gt=0)
    quantile_alpha: Fractions | None = _task("Quantiles for `reg:quantileerror`, which needs them.", default="none")
    expectile_alpha: Fractions | None = _task("Expectiles for `reg:expectileerror`, which needs them.", default="none")
    aft_loss_distribution: Literal["normal", "logistic", "extreme"] | None = _task(
        "Distribution of the noise for `survival:aft`.", default="`normal`"
    )
    aft_loss_distribution_scale: float | None = _task("Scale of that distribution.", default="1", gt=0)
    multi_strategy: Literal["one_output_per_tree", "multi_output_tree"] | None = _task(
        "Trees for several outputs: one for each, or trees with vector leaves.", default="`one_output_per_tree`"
    )
    seed: int | None = _task("Random seed.", default="0", gt=-(2**31), lt=2**31 - 1)
    seed_per_iteration: bool | None = _task("Seed each round by its number.", default="1")

    booster: Literal["gbtree", "gblinear", "dart"] | None = _tree(
        "Trees, a linear model, or trees with dropout.", default="`gbtree`"
    )
    tree_method: Literal["auto", "exact", "approx", "hist"] | None = _tree(
        "How splits are found. `gpu_hist` is read as `hist` with `device=cuda`.", default="`auto`"
    )
    eta: float | None = _tree("Step size shrinkage of each round.", default="0.3", ge=0, le=1)
    max_depth: int | None = _tree("Greatest depth of a tree; 0: no limit.", default="6", ge=0)
    max_leaves: int | None = _tree("Greatest number of leaves; 0: no limit.", default="0", ge=0)
    grow_policy: Literal["depthwise", "lossguide"] | None = _tree(
        "Grow nearest to the root first, or where the loss falls most.", default="`depthwise`"
    )
    gamma: float | None = _tree("Least loss reduction for a split.", default="0", ge=0)
    min_child_weight: float | None = _tree("Least sum of hessians in a child.", default="1", ge=0)
    max_delta_step: float | None = _tree("Greatest step of a leaf; 0: none.", default="0 (0.7 for count:poisson)", ge=0)
    lambda_: float | None = _tree(
        "L2 regularization of leaf weights.", name="lambda", default="1 (0 for gblinear)", ge=0
    )
    alpha: float | None = _tree("L1 regularization of leaf weights.", default="0", ge=0)
    subsample: float | None = _tree("Share of rows sampled in each round.", default="1", gt=0, le=1)
    sampling_method: Literal["uniform", "gradient_based"] | None = _tree("How rows are sampled.", default="`uniform`")
    colsample_bytree: float | None = _tree("Share of columns sampled for each tree.", default="1", gt=0, le=1)
    colsample_bylevel: float | None = _tree("… for each level of it.", default="1", gt=0, le=1)
    colsample_bynode: float | None = _tree("… for each split.", default="1", gt=0, le=1)
    num_parallel_tree: int | None = _tree("Trees in each round; more than 1 boosts random forests.", default="1", ge=1)
    max_bin: int | None = _tree("Bins of a feature.", default="256", ge=2)
    max_cat_to_onehot: int | None = _tree(
        "Columns with fewer categories are split one category against the rest.", default="4", ge=1
    )
    max_cat_threshold: int | None = _tree("Most categories considered on one side of a split.", default="64", ge=1)
    monotone_constraints: Monotone | None = _tree(
        "Direction of each feature's influence: 1 rising, -1 falling, 0 free.", default="none"
    )
    interaction_constraints: Interactions | None = _tree(
        "Groups of features that may meet in one branch.", default="none"
    )
    max_cached_hist_node: int | None = _tree("Most histograms in memory.", default="by device: 65536, or 4096", ge=1)
    updater: Updaters | None = _tree(
        "What builds trees, then what changes them, or the linear solver; seldom needed.", default="by tree_method"
    )
    refresh_leaf: bool | None = _tree("Whether updater `refresh` renews leaf values.", default="1")
    process_type: Literal["default", "update"] | None = _tree(
        "`update`, which changes the trees of an earlier model, is refused: rounds can only be added to one.",
        default="`default`",
    )

    sample_type: Literal["uniform", "weighted"] | None = _dart("How dropped trees are chosen.", default="`uniform`")
    normalize_type: Literal["tree", "forest"] | None = _dart("How new trees are weighted.", default="`tree`")
    rate_drop: float | None = _dart("Share of trees dropped in a round.", default="0", ge=0, le=1)
    one_drop: bool | None = _dart("Drop at least one tree in each round.", default="0")
    skip_drop: float | None = _dart("Probability of a round without dropout.", default="0", ge=0, le=1)

    feature_selector: Literal["cyclic", "shuffle", "random", "greedy", "thrifty"] | None = _linear(
        "Order in which features are updated; the last three need `updater=coord_descent`.",
        default="`cyclic`",
    )
    top_k: int | None = _linear("Features for `greedy` and `thrifty`; 0: all.", default="0", ge=0)

    lambdarank_pair_method: Literal["mean", "topk"] | None = _rank("How pairs are formed.", default="`topk`")
    lambdarank_num_pair_per_sample: int | None = _rank(
        "Pairs for each row, or the cut-off for `topk`.", default="by method", ge=1
    )
    lambdarank_normalization: bool | None = _rank("Normalize the gradients.", default="1")
    lambdarank_score_normalization: bool | None = _rank("Normalize by the difference of scores.", default="1")
    lambdarank_unbiased: bool | None = _rank("Correct for the position of clicks.", default="0")
    lambdarank_bias_norm: float | None = _rank("Regularization of that correction.", default="1", ge=0)
    ndcg_exp_gain: bool | None = _rank("Gain of a label in `ndcg`: 2^label - 1, or the label itself.", default="1")

    device: Device = _machine("Where to train; `auto` takes a GPU where there is one.", value="auto")
    nthread: int | None = _machine("Threads to train with.", default="all CPUs the container may use", ge=1)
    verbosity: int | None = _machine(
        "XGBoost's own messages: 0 none, 1 warnings, 2 and 3 more.", default="1", ge=0, le=3
    )


class Parameter(NamedTuple):
    """The declaration of one parameter, as readers and the documentation need it."""

    attribute: str  # of Parameters
    info: FieldInfo
    group: str
    default: str  # what holds where it is not given, in words

    @property
    def for_xgboost(self) -> bool:
        return self.group not in (JOB, DATA)


def _declared(attribute: str, info: FieldInfo) -> Parameter:
    about = cast("dict[str, str]", info.json_schema_extra)
    return Parameter(attribute, info, about["group"], about["default"])


FIELDS = {
    info.alias or attribute: _declared(attribute, info) for attribute, info in Parameters.model_fields.items()
}  # by the name jobs give
