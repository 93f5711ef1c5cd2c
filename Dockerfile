# One image that Amazon SageMaker runs as `train` and as `serve`.
#
#   docker build -t sagemaker-xgboost .                         CPU and GPU
#   docker build -t sagemaker-xgboost --build-arg XGBOOST=cpu . CPU only, a good third smaller
#
# Behind a corporate proxy or mirror, pass what is needed as build secrets; none of it reaches a layer:
#   --secret id=ca,src=corporate-ca.pem  --secret id=pip_conf,src=pip.conf  --secret id=apt_sources,src=sources.list
#
# Two builds of one commit make the same layers, as long as Debian's packages are the same: each stage collects in
# /added what the image gets of it, and gives it a time that every build has (requirements/settle.sh).

FROM debian:trixie-slim AS builder
RUN --mount=type=secret,id=ca --mount=type=secret,id=apt_sources \
    --mount=type=bind,source=requirements/apt-install.sh,target=/mnt/apt-install.sh \
    /mnt/apt-install.sh ca-certificates g++ python3-dev python3-pip python3-setuptools

# gpu or cpu: which of the locks in requirements/.
ARG XGBOOST=gpu
# --ignore-installed: nothing of Debian's own Python packages may stand in for a locked one.
# Debian's setuptools builds sagemaker-training, the one package that comes as source.
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip_conf \
    --mount=type=bind,source=requirements,target=/mnt \
    --mount=type=tmpfs,target=/tmp --mount=type=cache,target=/root/.cache/pip \
    /mnt/pip-install.sh --root /added --ignore-installed --no-build-isolation --no-compile --require-hashes -r "/mnt/$XGBOOST.txt" \
    && /mnt/settle.sh /added

# Leave out what nobody runs: the packages' own tests, headers and sources, Arrow's Flight RPC, copies of
# libraries under names that only a linker asks for, and symbols where they are worth megabytes (strip does
# not touch what is loaded there; it would in libraries that auditwheel patched, such as XGBoost's).
# What is left is compiled once here, since the container may run read-only.
WORKDIR /added/usr/local/lib/python3.13/dist-packages
RUN --mount=type=bind,source=requirements,target=/mnt \
    rm -r pyarrow/include pyarrow/includes pyarrow/src \
    && find . -type d -name tests -prune -exec rm -r {} + \
    && find pyarrow \( -name '*flight*' -o -name '*.so.*.*.*' -o -name 'libarrow_python*.so' \) -delete \
    && find . -type f \( -name '*.pxd' -o -name '*.pxi' -o -name '*.pyx' -o -name '*.[ach]' -o -name '*.[ch]pp' \) -delete \
    && find . -name '*.so*' \( -path './nvidia/*' -o -path './pyarrow/*' -o -path './cryptography/*' -o -path './nacl/*' \) \
         -exec strip --strip-unneeded {} + \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /added "$PWD" \
    && echo /opt/program >xgboost-container.pth \
    && /mnt/settle.sh /added

# The compiled core of serving.
COPY native /native
RUN --mount=type=bind,source=requirements,target=/mnt \
    pip install --root /added --break-system-packages --root-user-action=ignore --no-cache-dir --no-deps --no-build-isolation /native \
    && strip --strip-unneeded _xgboost_serving*.so \
    && /mnt/settle.sh /added


FROM builder AS program
COPY train serve /program/opt/program/
COPY container /program/opt/program/container
RUN --mount=type=bind,source=requirements,target=/mnt \
    chmod -R u=rwX,go=rX /program \
    && python3 -m compileall -q --invalidation-mode checked-hash -s /program /program/opt/program/container \
    && /mnt/settle.sh /program


FROM debian:trixie-slim AS system
# EXTERNALLY-MANAGED would keep pip from installing what a user's requirements.txt asks for.
RUN --mount=type=secret,id=ca --mount=type=secret,id=apt_sources \
    --mount=type=bind,source=requirements,target=/mnt \
    started=$(mktemp) \
    && /mnt/apt-install.sh ca-certificates python3 \
    && rm /usr/lib/python3.13/EXTERNALLY-MANAGED \
    && /mnt/collect.sh "$started" /added \
    && /mnt/settle.sh /added


# Both in one layer, right on the base: on top of a layer that the engine has from more than one build, it may put a
# layer's files in another order, and so make another layer of them.
FROM scratch AS added
COPY --from=system /added/ /added/
COPY --from=builder /added/ /added/


FROM debian:trixie-slim AS packages
COPY --from=added /added/ /
# /opt/program comes first: sagemaker-training brings a `train` of its own.
ENV PATH=/opt/program:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1


# Fails the build where the trimming above took too much. What it leaves behind is in no layer of the image.
FROM packages AS checked
COPY --from=program /program /program
WORKDIR /program/opt/program
RUN SAGEMAKER_BASE_DIR=/tmp/ml python3 -c "import boto3, container, flask, gunicorn.app.base, orjson, pandas, \
    pyarrow.compute, pyarrow.csv, pyarrow.dataset, pyarrow.json, pyarrow.parquet, pydantic, sagemaker_training.entry_point, \
    scipy.sparse, scipy.special, xgboost"


FROM packages
COPY --from=checked /program/ /
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sagemaker-xgboost" \
      org.opencontainers.image.description="An XGBoost container for Amazon SageMaker: train on raw tables, serve predictions" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true" \
      com.amazonaws.sagemaker.capabilities.multi-models="true"
EXPOSE 8080
CMD ["train"]
