#!/usr/bin/env bash
# What the scripts beside this file share; they source it. It runs in bash 3.2, which is what macOS has.
# shellcheck disable=SC2034 # the variables are for those scripts

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
typed=$(dirname "$0") # how the user calls these scripts, to say what to type next

say() { printf '%s\n' "$@"; } # a line for each argument
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit "${failure:-1}"; }

# options "--port --accept" "$@": sets a variable for each option (dev, image, port, …), file and folder for the
# argument, and extra for what stands behind --; and again to what the next script needs to be given too. The script's
# head comment is its help.
options() {
  local allowed=" $1 " given
  shift
  image=${IMAGE:-sagemaker-xgboost} port=8080 folder=$here/work/ames
  dev='' no_docker='' python='' accept='' content_type='' file='' again=''
  extra=()
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit ;;
      --) shift; extra=("$@"); break ;;
      --dev | --no-docker) expect "$1" "$allowed"; given=${1#--}; printf -v "${given//-/_}" yes ;;
      --*)
        expect "$1" "$allowed"
        [ $# -gt 1 ] || die "$1 needs a value; see ${0##*/} --help"
        given=${1#--}
        printf -v "${given//-/_}" %s "$2"
        [ "$1" != --image ] || again=" --image $2"
        shift
        ;;
      *) [ -z "$file" ] || die "one argument is enough, got also '$1'; see ${0##*/} --help"; file=$1 folder=$1 ;;
    esac
    shift
  done
  case $port in *[!0-9]*) die "--port: must be a number, got '$port'" ;; esac
  # An absolute path, for docker would take another one for a volume's name.
  case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
}

expect() { case $2 in *" $1 "*) ;; *) die "there is no option $1; see ${0##*/} --help" ;; esac; }

# Sets image and user, or says what is missing.
need_docker() {
  local security
  command -v docker >/dev/null || die "Docker is not installed; see https://docs.docker.com/get-docker/"
  if ! security=$(docker info --format '{{.SecurityOptions}}' 2>&1); then
    case $security in
      *"permission denied"*) die "you may not use Docker: sudo usermod -aG docker \"\$USER\", then log in again" ;;
      *) die "no Docker daemon answers; start it (Docker Desktop, or: sudo systemctl start docker)" ;;
    esac
  fi
  find_image || die "$(no_image)"
  # What a container writes into a mounted folder shall belong to whoever runs it. A rootless engine sees to that
  # by itself: root in the container is the user outside.
  case $security in *rootless*) user=0:0 ;; *) user=$(id -u):$(id -g) ;; esac
}

no_image() {
  local make="make -C $root image-cpu"
  case $image in
    *[:/@]*) say "the image $image is not here; run: docker pull $image" ;;
    sagemaker-xgboost) say "the image $image is not built; run: $make (or image: for GPUs too, and larger)" ;;
    *) say "the image $image is not built; run: $make IMAGE=$image (or, where it is not of this project: docker pull $image)" ;;
  esac
}

# Sets image to its small variant where only that is built; fails where neither is.
find_image() {
  docker image inspect "$image" >/dev/null 2>&1 && return
  docker image inspect "$image:cpu" >/dev/null 2>&1 && image=$image:cpu
}

# start COMMAND DOCKER_OPTION...: a container in the background, as the user, removed when the script ends.
start() {
  local command=$1
  shift
  name=xgboost-$command-$$
  [ -z "$dev" ] || set -- "$@" --volume "$root/container:/opt/program/container:ro"
  trap remove EXIT
  apart docker run --detach --name "$name" --user "$user" --env HOME=/tmp "$@" ${extra[@]+"${extra[@]}"} \
    "$image" "$command" >/dev/null
  starting=$!
  wait "$starting" || die "the container did not start; docker says why above"
}

remove() {
  trap '' INT TERM HUP
  wait "$starting" 2>/dev/null || true # until it is there to be removed
  docker rm --force "$name" >/dev/null 2>&1 || true
}

# apart COMMAND...: in the background and in a process group of its own, so that Ctrl-C reaches this script alone.
apart() {
  set -m
  "$@" &
  set +m
}

# Show the container's log from here on.
follow() {
  apart docker logs --follow "$name"
  following=$!
}

# Wait until the container has ended and its log is shown; sets code to its exit code.
finish() {
  while kill -0 "$following" 2>/dev/null; do wait "$following" || true; done
  code=$(docker wait "$name")
}

running() { [ "$(docker inspect --format '{{.State.Running}}' "$name" 2>/dev/null)" = true ]; }

# answers PORT: whether something listens there.
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# serving FOLDER DOCKER_OPTION...: serve the model in the folder in the background; sets url once that is healthy.
serving() {
  [ -e "$1/model/xgboost-model" ] || die "there is no model in $1/model yet; run: $typed/train_local.sh"
  start serve --publish 127.0.0.1::8080 --volume "$1/model:/opt/ml/model:ro" "${@:2}"
  healthy
}

# Sets url to the server that was started, once it is healthy.
healthy() {
  url=http://$(docker port "$name" 8080 | head -n 1)
  until http "$url/ping" >/dev/null; do
    running || die "the server did not start: $(docker logs --tail 3 "$name" 2>&1)"
    sleep 0.2
  done
}

# http URL [FILE CONTENT_TYPE ACCEPT]: print what is answered to a GET, or to a POST of the file, or to the METHOD that
# is set. Returns 0 when the status is 200, 1 when it is another, 2 when nothing answers. Without curl, Python does it.
http() {
  local reply
  if command -v curl >/dev/null; then
    reply=$(curl --silent --write-out '\n%{http_code}' ${METHOD:+--request "$METHOD"} \
      ${2:+--data-binary "@$2" --header "Content-Type: $3" --header "Accept: $4"} "$1") || return 2
  else
    command -v "${python:=python3}" >/dev/null || die "curl is missing; install it"
    reply=$("$python" "$here/ask.py" "$@" 2>/dev/null) || return 2
  fi
  printf '%s\n' "${reply%$'\n'*}"
  [ "${reply##*$'\n'}" = 200 ]
}
