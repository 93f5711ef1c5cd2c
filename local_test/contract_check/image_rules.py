"""Rules of the image itself; nothing is started for them."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator

from contract_check.context import SHELLS, Context
from contract_check.docker import Container, DockerError
from contract_check.rule import FAIL, GUIDE, NOT_APPLICABLE, NOTE, PASS, Result, Rule, found

_DOCKERFILE = GUIDE + "your-algorithms-training-algo-dockerfile.html"
_HOSTING = GUIDE + "your-algorithms-inference-code.html"

ARCHITECTURE = Rule(
    "image-architecture",
    "Instances run linux/amd64; some endpoints (Graviton) arm64.",
    _HOSTING,
    "docker build --platform linux/amd64",
)
MANIFEST = Rule(
    "image-manifest",
    "SageMaker refuses an image index: Unsupported manifest media type.",
    "https://repost.aws/questions/QUQgFRXiCYTjCtyxH_e2x9yg/oci-format-unsupported-when-creating-a-sagemaker-model",
    "docker build --provenance=false --sbom=false (docker buildx build: --output type=docker too), and push again.",
)
SIZE = Rule(
    "image-size",
    "The image is pulled when a job or instance starts; a serverless endpoint's may have 10 GB.",
    GUIDE + "serverless-endpoints.html",
    "Leave out compilers, caches, tests and what nobody imports.",
)
PROGRAMS = Rule(
    "image-programs",
    "`docker run IMAGE train` and `… serve` start programs of these names, or pass them to the entrypoint.",
    _DOCKERFILE,
    "Put executable files train and serve into a folder on PATH: COPY, then RUN chmod +x.",
)
LINE_ENDINGS = Rule(
    "image-line-endings",
    "A script whose first line ends in CR LF cannot be started: its interpreter's name has a CR.",
    "execve(2)",
    "git config core.autocrlf input, or RUN sed -i 's/\\r$//' on the script.",
)
DEFAULT_COMMAND = Rule(
    "image-default-command",
    "The SDK v3's local training without source code passes no command: by itself the image must train.",
    "sagemaker.train.model_trainer, local container mode",
    'CMD ["train"]',
)
SCRIPT_MODE = Rule(
    "image-script-mode",
    "The SDK v3 runs source code by a bash script, which takes python3 and pip from PATH.",
    "sagemaker.train.model_trainer with SourceCode",
    "Install bash, python3 and pip, if the image is to run training scripts.",
)
USER = Rule(
    "image-user",
    "The platform expects the container's user to be root.",
    GUIDE + "your-algorithms-training-algo.html",
    "USER root, or make sure that the user may write to /opt/ml.",
)
LABELS = Rule(
    "image-labels",
    "Labels declare what the image can: com.amazonaws.sagemaker.capabilities.multi-models, .accept-bind-to-port.",
    GUIDE + "build-multi-model-build-container.html",
    "LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true, where it holds.",
)
RULES = [ARCHITECTURE, MANIFEST, SIZE, PROGRAMS, LINE_ENDINGS, DEFAULT_COMMAND, SCRIPT_MODE, USER, LABELS]

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


def check(context: Context) -> Iterator[Result]:
    """All results for the image."""
    context.tell("looking at the image")
    inspected, config = context.inspected, context.config
    yield _architecture(f"{inspected.get('Os')}/{inspected.get('Architecture')}")
    yield _manifest(context)
    size = int(inspected.get("Size") or 0)
    yield Result(SIZE, FAIL if size > 10e9 else NOTE, f"{size / 1e6:.0f} MB unpacked")
    container = context.container("never-started")
    yield from _programs(context, container)
    command = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    trains = bool(command) and posixpath.basename(command[-1]).partition(".")[0] == "train"
    shown = " ".join(command) or "there is none"
    yield found(DEFAULT_COMMAND, "" if trains else f"the default command does not train: {shown}", shown)
    missing = [name for name in ("bash", "python3", "pip") if _on_path(context, container, name) is None]
    container.remove()
    yield Result(SCRIPT_MODE, NOTE if missing else PASS, f"no {', no '.join(missing)}" if missing else "all are there")
    user = config.get("User") or "root"
    yield Result(USER, PASS if user.partition(":")[0] in ("root", "0") else NOTE, user)
    declared = [name for name in ("multi-models", "accept-bind-to-port") if context.label(name)]
    yield Result(LABELS, NOTE, ", ".join(declared) + ": checked below" if declared else "none")


def _architecture(platform: str) -> Result:
    if platform == "linux/arm64":
        return Result(ARCHITECTURE, NOTE, "linux/arm64: only for endpoints on Graviton instances, not for training")
    return found(ARCHITECTURE, "" if platform == "linux/amd64" else f"built for {platform}", platform)


def _manifest(context: Context) -> Result:
    """From what the engine keeps, else from the registry that the image was pushed to."""
    kind = (context.inspected.get("Descriptor") or {}).get("mediaType", "")
    pushed = context.inspected.get("RepoDigests") or []
    if not kind and pushed:
        try:
            told = json.loads(context.docker.call("manifest", "inspect", pushed[0]))
        except (DockerError, ValueError) as error:
            return Result(MANIFEST, NOTE, f"the registry did not show it: {' '.join(str(error).split())[:80]}")
        kind = told.get("mediaType") or (_INDEXES[0] if "manifests" in told else "")
    if not kind:
        return Result(MANIFEST, NOT_APPLICABLE, "not visible before a push")
    return found(MANIFEST, f"an index: {kind}" if kind in _INDEXES else "", kind)


def _programs(context: Context, container: Container) -> Iterator[Result]:
    """The programs that are started, and the scripts among them."""
    entrypoint = context.config.get("Entrypoint") or []
    names = [entrypoint[0]] if entrypoint else ["train", "serve"]
    files = {name: _on_path(context, container, name) for name in names}
    troubles = [f"{name} is not on PATH or not executable" for name, file in files.items() if file is None]
    through = f", by the entrypoint {' '.join(entrypoint)}" if entrypoint else ""
    yield found(PROGRAMS, "; ".join(troubles), ", ".join(file[0] for file in files.values() if file) + through)
    # What a shell or an interpreter in the entrypoint starts is a script too.
    scripts = dict(file for file in files.values() if file)
    if entrypoint and posixpath.basename(entrypoint[0]) in {*SHELLS, "env", "tini"}:
        for word in entrypoint[1:]:
            scripts.update(container.read(word).items() if word.startswith("/") else ())
    bad = [path for path, content in scripts.items() if content.startswith(b"#!") and b"\r\n" in content]
    if not scripts:
        yield Result(LINE_ENDINGS, NOT_APPLICABLE, "there is no program to look at")
        return
    yield found(LINE_ENDINGS, f"CR LF in {', '.join(bad)}" if bad else "", f"{len(scripts)} program(s), no CR LF")


def _on_path(context: Context, container: Container, name: str) -> tuple[str, bytes] | None:
    """The path and content of the first executable file of this name; None where there is none."""
    variables = dict(text.partition("=")[::2] for text in context.config.get("Env") or [])
    folders = [""] if "/" in name else (variables.get("PATH") or _DEFAULT_PATH).split(":")
    for folder in folders:
        path = posixpath.join(folder, name) if folder else name
        content = container.executable(path)
        if content is not None:
            return path, content
    return None
