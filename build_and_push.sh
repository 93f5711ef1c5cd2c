#!/usr/bin/env bash
# Build the image, try it, push it to Amazon ECR and print the address to pin: repository@sha256:…
# docs/publishing.md says what it checks, and why.
#
# AWS is asked through the `aws` command alone: it brings every way of signing in (SSO, profiles, roles),
# installs with one line where it is missing, and a second way through boto3 would have to find a Python
# that has it and be kept equal to the first.
#
# macOS has bash 3.2: no associative arrays, no ${x,,}, no plain "${array[@]}" of an empty array.
set -euo pipefail
export AWS_PAGER="" DOCKER_BUILDKIT="${DOCKER_BUILDKIT:-1}"

usage() {
  cat <<'USAGE'
usage: build_and_push.sh [options] [-- options for docker build]

  --repository NAME  the repository's name (sagemaker-xgboost)
  --region NAME      the AWS region (AWS_REGION, AWS_DEFAULT_REGION or the profile's)
  --profile NAME     the AWS profile (AWS_PROFILE or the default one)
  --tag NAME         one more tag, beside the version's and the git commit's; may be repeated. It is taken
                     as it is, and so is for one platform
  --cpu              the smaller image without GPU libraries; its tags end in -cpu
  --platform NAME    linux/amd64 or linux/arm64 (linux/amd64); tags of the latter end in -arm64. May be
                     repeated: SageMaker refuses an image for several platforms, so each is one by itself
  --registry HOST    push to this registry instead of ECR; AWS is not asked, `docker login HOST` is
                     yours, and REGISTRY_USER and REGISTRY_PASSWORD are used to read the manifest back
  --dry-run          print every command that would change something, run none of them
  --help             print this

The last line, alone on standard output, is the image's address: repository@sha256:…, a line for each
platform. What the image is made of (an SBOM, CycloneDX) is written to build/sbom/.
ECR_REGISTRY replaces the registry's host where ECR is reached by another name.
USAGE
}

say() { printf '%s\n' "$*" >&2; }
die() { # CAUSE REMEDY [EXIT CODE]
  printf 'build_and_push.sh: %s\n  what to do: %s\n' "$1" "$2" >&2
  exit "${3:-1}"
}
wrong_usage() { die "$1" "see build_and_push.sh --help" 2; }
last_line() { sed '/^[[:space:]]*$/d' "$1" | tail -n 1; }
announce() { # COMMAND…: print it; false in a dry run, where it is not to be run
  local line
  line="+ $(printf '%q ' "$@")"
  if [ -n "$dry_run" ]; then printf '%s\n' "${line% }"; return 1; fi
  say "${line% }"
}

parse() {
  repository=sagemaker-xgboost region="" profile="" extra_tags=() cpu="" platforms=()
  plain_registry="" dry_run="" build_options=()
  local option value
  while [ $# -gt 0 ]; do
    case $1 in
      --*=*)
        option=${1%%=*} value=${1#*=}
        shift
        set -- "$option" "$value" "$@" ;;
    esac
    case $1 in
      --repository | --region | --profile | --tag | --platform | --registry)
        case ${2:-} in "" | --*) wrong_usage "$1 needs a value" ;; esac
        case $1 in
          --repository) repository=$2 ;;
          --region) region=$2 ;;
          --profile) profile=$2 ;;
          --tag) extra_tags+=("$2") ;;
          --platform)
            case $2 in
              linux/amd64 | linux/arm64) platforms+=("$2") ;;
              *) wrong_usage "--platform: must be linux/amd64 or linux/arm64, got '$2'" ;;
            esac ;;
          --registry) plain_registry=$2 ;;
        esac
        shift 2 ;;
      --cpu) cpu=yes; shift ;;
      --dry-run) dry_run=yes; shift ;;
      --help | -h) usage; exit 0 ;;
      --) shift; build_options=("$@"); break ;;
      *) wrong_usage "unknown argument '$1'" ;;
    esac
  done
  case $plain_registry in
    */*) wrong_usage "--registry: must be a host, got '$plain_registry'; a path belongs in --repository" ;;
  esac
  if [ ${#platforms[@]} = 0 ]; then platforms=(linux/amd64); fi
  # It would be the last one's by the time that the first is pushed.
  if [ ${#platforms[@]} -gt 1 ] && [ ${#extra_tags[@]} -gt 0 ]; then
    wrong_usage "--tag: '${extra_tags[0]}' names one image, and there is one for each --platform; run once for each"
  fi
}

describe_commit() { # sets version, revision and commit
  version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/container/__init__.py")
  [ -n "$version" ] || die "no version in $root/container/__init__.py" "write __version__ = \"1.2.3\" there"
  revision="" commit=""
  if revision=$(git -C "$root" rev-parse HEAD 2>"$work/git"); then
    commit=$(git -C "$root" rev-parse --short HEAD)
    if [ -n "$(git -C "$root" status --porcelain)" ]; then
      commit=$commit-dirty revision=$revision-dirty
      say "the working tree is dirty: not all of this image is in the commit, so its tag begins with $commit"
    fi
  else
    say "no tag for the git commit: $(last_line "$work/git")"
  fi
}

name_tags() { # PLATFORM; sets tags
  local suffix=""
  if [ -n "$cpu" ]; then suffix=-cpu; fi
  case $1 in */arm64) suffix=$suffix-arm64 ;; esac
  tags=("$version$suffix")
  if [ -n "$commit" ]; then tags+=("$commit$suffix"); fi
  tags+=(${extra_tags[@]+"${extra_tags[@]}"})
  local tag
  for tag in "${tags[@]}"; do
    [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] ||
      die "'$tag' cannot be a tag" \
        "use at most 128 letters, digits, '_', '.' and '-', not beginning with '.' or '-'"
  done
}

need_docker() {
  command -v docker >/dev/null ||
    die "there is no docker command" "install Docker: https://docs.docker.com/get-docker"
  # Clients of version 23 and later build with BuildKit through a plugin, which need not be there.
  case $(docker build --help 2>&1) in
    *--secret*) ;;
    *) die "this docker cannot build with BuildKit: $(command -v docker)" "install Docker's buildx plugin" ;;
  esac
  docker version --format '{{.Server.Version}}' >/dev/null 2>"$work/docker" && return
  case $(cat "$work/docker") in
    *"permission denied"*) die "you may not use Docker's socket: $(last_line "$work/docker")" \
      "join the group: sudo usermod -aG docker \"\$USER\", then sign in anew" ;;
    *) die "Docker's daemon does not answer: $(last_line "$work/docker")" \
      "start Docker (Docker Desktop, or: sudo systemctl start docker)" ;;
  esac
}

run_aws() { "${aws[@]}" "$@" 2>"$work/aws"; } # needs aws=(…), from find_registry
ask_aws() { # WHAT ARGUMENTS…
  local what=$1
  shift
  run_aws "$@" || aws_failed "$what"
}
aws_failed() { # WHAT
  local said
  said="$1: $(last_line "$work/aws")"
  case $said in
    *"config profile"*"could not be found"*)
      die "there is no AWS profile '${profile:-${AWS_PROFILE:-}}' ($said)" \
        "name one of: aws configure list-profiles" ;;
    *"Unable to locate credentials"* | *"Partial credentials"*)
      die "no AWS credentials ($said)" "sign in: aws configure, aws sso login, or --profile NAME" ;;
    *[Ee]xpired* | *"SSO Token"* | *"SSO session"*)
      die "the AWS credentials have expired ($said)" "sign in again, for example: aws sso login" ;;
    *InvalidClientTokenId* | *UnrecognizedClient* | *SignatureDoesNotMatch* | *InvalidSignature*)
      die "AWS does not accept the credentials ($said)" \
        "check the keys, and that they belong to this partition" ;;
    *AccessDenied* | *"not authorized"*)
      die "AWS denies it ($said)" "have the action allowed; docs/publishing.md lists all that are needed" ;;
    *"Could not connect"* | *"onnect timeout"* | *"Invalid endpoint"* | *"Provided region_name"*)
      die "AWS cannot be reached ($said)" "check the region's name ('$region') and the network" ;;
    *) die "AWS refused ($said)" "mend what the message names and run again" ;;
  esac
}

dns_suffix() { # REGION: from botocore's partitions.json
  case $1 in
    cn-*) echo amazonaws.com.cn ;;
    eusc-*) echo amazonaws.eu ;;
    us-iso-*) echo c2s.ic.gov ;;
    us-isob-*) echo sc2s.sgov.gov ;;
    us-isof-*) echo csp.hci.ic.gov ;;
    eu-isoe-*) echo cloud.adc-e.uk ;;
    *) echo amazonaws.com ;;
  esac
}

find_registry() { # sets host, mutability (missing, where there is no such repository yet) and aws
  mutability=""
  if [ -n "$plain_registry" ]; then host=$plain_registry; return; fi
  command -v aws >/dev/null ||
    die "there is no aws command" \
      "install it: pip install awscli, or https://aws.amazon.com/cli; or use --registry"
  aws=(aws --output text)
  if [ -n "$profile" ]; then aws+=(--profile "$profile"); fi
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
  if [ -z "$region" ]; then
    region=$(run_aws configure get region) || region=""
    if grep -q "could not be found" "$work/aws"; then aws_failed "reading the region"; fi
    [ -n "$region" ] || die "no AWS region" "give --region NAME or set AWS_REGION"
  fi
  aws+=(--region "$region")
  local account
  account=$(ask_aws "asking who you are" sts get-caller-identity --query Account)
  host=${ECR_REGISTRY:-$account.dkr.ecr.$region.$(dns_suffix "$region")}
  if ! mutability=$(run_aws ecr describe-repositories --repository-names "$repository" \
    --query 'repositories[0].imageTagMutability'); then
    # Only this error means missing: were a denial read so, the script would try to create what is there.
    grep -q RepositoryNotFoundException "$work/aws" || aws_failed "looking for the repository '$repository'"
    mutability=missing
  fi
}

build() { # PLATFORM
  local command=(docker build --platform "$1") tag
  # buildx adds attestations, which turn the image into an index, and SageMaker refuses an index. A client
  # without buildx adds none and does not know the flags.
  case $(docker build --help 2>&1) in *--provenance*) command+=(--provenance=false --sbom=false) ;; esac
  command+=(--build-arg "VERSION=$version" --build-arg "REVISION=${revision:-unknown}")
  if [ -n "$cpu" ]; then command+=(--build-arg XGBOOST=cpu); fi
  for tag in "${tags[@]}"; do command+=(--tag "$host/$repository:$tag"); done
  command+=(${build_options[@]+"${build_options[@]}"} "$root")
  announce "${command[@]}" || return 0
  "${command[@]}" >&2 ||
    die "the build failed; nothing was pushed" \
      "mend what docker says above; a platform that is not your machine's own needs QEMU"
}

try() { # PLATFORM: what is pushed has trained and served, and is written down
  local image=$host/$repository:${tags[0]} list=$root/build/sbom/$repository-${tags[0]}.cdx.json
  announce "$root/tools/smoke-test" "$image" || return 0
  if ! docker run --rm --platform "$1" --entrypoint true "$image" >/dev/null 2>"$work/docker" &&
    grep -q "exec format error" "$work/docker"; then
    say "not tried: this machine cannot run programs for $1"
    return
  fi
  "$root/tools/smoke-test" "$image" >&2 ||
    die "the image does not train and serve; nothing was pushed" "mend what the lines above say"
  mkdir -p "$(dirname "$list")"
  "$root/tools/sbom" "$image" >"$list" ||
    die "what the image is made of cannot be listed; nothing was pushed" "mend what the lines above say"
  say "what it is made of: $list"
}

create_repository() {
  [ "$mutability" = missing ] || return 0
  local command=("${aws[@]}" ecr create-repository --repository-name "$repository"
    --image-scanning-configuration scanOnPush=true)
  announce "${command[@]}" || return 0
  "${command[@]}" >/dev/null 2>"$work/aws" && return
  # Another run may have been quicker.
  grep -q RepositoryAlreadyExistsException "$work/aws" || aws_failed "creating the repository '$repository'"
}

login() { # sets user, password; the password goes from builtin to pipe, and is on no command line
  user=${REGISTRY_USER:-} password=${REGISTRY_PASSWORD:-}
  if [ -n "$plain_registry" ]; then return; fi
  if [ -n "$dry_run" ]; then
    printf '+ %s| docker login --username AWS --password-stdin %s\n' \
      "$(printf '%q ' "${aws[@]}" ecr get-login-password)" "$host"
    return
  fi
  user=AWS
  password=$(ask_aws "asking ECR for a login password" ecr get-login-password)
  printf '%s' "$password" | docker login --username AWS --password-stdin "$host" >"$work/docker" 2>&1 && return
  # amazon-ecr-credential-helper signs in by itself, and refuses to keep what it is given.
  grep -q "not implemented" "$work/docker" ||
    die "the login to $host failed: $(last_line "$work/docker")" \
      "check that Docker reaches the host and accepts its certificate"
}

# The registry's own words on what a tag is. docker manifest inspect is no help: before version 23 it
# calls an OCI manifest missing. The digest is computed, for ECR does not send it with the manifest.
read_manifest() { # TAG; sets media_type, digest and config, all empty where there is no such tag
  local url=https://$host/v2/$repository/manifests/$1 options=() accept="" kind status
  for kind in vnd.docker.distribution.manifest.v2 vnd.oci.image.manifest.v1 \
    vnd.docker.distribution.manifest.list.v2 vnd.oci.image.index.v1; do
    accept=${accept:+$accept, }application/$kind+json
  done
  # Docker takes a registry on the loopback without TLS, and so must this.
  case $host in localhost* | 127.*) url=http${url#https} options=(--noproxy '*') ;; esac
  media_type="" digest="" config=""
  status=$(curl_login | curl --config - --silent --show-error --max-time 60 ${options[@]+"${options[@]}"} \
    --header "Accept: $accept" --dump-header "$work/headers" --output "$work/manifest" \
    --write-out '%{http_code}' "$url" 2>"$work/curl") ||
    die "the registry's manifest of '$1' cannot be read: $(last_line "$work/curl")" \
      "check that $url is reached from here"
  case $status in
    200) ;;
    404) return ;;
    *) die "the registry answers $status for the manifest of '$1' ($url)" \
      "have ecr:BatchGetImage allowed; for --registry set REGISTRY_USER and REGISTRY_PASSWORD" ;;
  esac
  media_type=$(tr -d '\r' <"$work/headers" | sed -n 's/^[Cc]ontent-[Tt]ype: *\([^; ]*\).*/\1/p' | tail -n 1)
  digest=sha256:$(sha256 <"$work/manifest")
  config=$(tr -d ' \t\r\n' <"$work/manifest" |
    sed -n 's/.*"config":{[^}]*"digest":"\(sha256:[0-9a-f]*\)".*/\1/p')
}
curl_login() {
  [ -n "$user" ] || return 0
  local pair=$user:$password
  pair=${pair//\\/\\\\}
  printf 'user = "%s"\n' "${pair//\"/\\\"}"
}
sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1; }

sort_tags() { # sets new_tags; a tag that may not be moved stops here, before anything is pushed
  local tag image_id
  image_id=$(docker image inspect --format '{{.Id}}' "$host/$repository:${tags[0]}")
  new_tags=()
  for tag in "${tags[@]}"; do
    read_manifest "$tag"
    if [ -z "$digest" ]; then new_tags+=("$tag"); continue; fi
    # The image's id is its config's digest, or with containerd's image store its manifest's.
    case $image_id in
      "$config" | "$digest")
        # ECR refuses an immutable tag even where it would stay the same: it is not pushed again.
        check_media_type "$tag"
        say "'$tag' is in the registry already, as this very image"
        continue ;;
    esac
    # (IM)MUTABLE_WITH_EXCLUSION depends on the tag: the push will tell.
    if [ "$mutability" = IMMUTABLE ]; then tag_is_taken "$tag" "$digest"; fi
    say "'$tag' moves to this image from $digest"
    new_tags+=("$tag")
  done
}

push() { # TAG
  local pushed image=$host/$repository:$1
  announce docker push "$image" || return 0
  docker push "$image" 2>&1 | tee "$work/push" >&2 || push_failed "$1"
  pushed=$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' "$work/push")
  read_manifest "$1"
  check_media_type "$1"
  [ "$digest" = "$pushed" ] ||
    die "'$1' is ${digest:-gone} in the registry, and $pushed was pushed" \
      "look for someone else who pushes this tag, and run again"
}
push_failed() { # TAG
  local said
  said=$(last_line "$work/push")
  case $said in
    *immutable*) tag_is_taken "$1" "$said" ;;
    *"no basic auth"* | *denied* | *nauthorized* | *"not authorized"* | *"authentication required"*)
      die "the push of '$1' was denied: $said" \
        "have ecr:PutImage and the uploads allowed; docs/publishing.md lists all that is needed" ;;
    *) die "the push of '$1' failed: $said" "run again: what has been uploaded stays" ;;
  esac
}
tag_is_taken() { # TAG WHAT-IT-IS
  die "the tag '$1' is taken in '$repository', whose tags are immutable: $2" \
    "commit and raise __version__ in container/__init__.py, or leave out --tag"
}
check_media_type() { # TAG
  case $media_type in
    application/vnd.docker.distribution.manifest.v2+json | application/vnd.oci.image.manifest.v1+json) ;;
    *) die "'$1' is in the registry as ${media_type:-nothing}, and SageMaker takes a single image only" \
      "build with buildx 0.10 or newer, or without buildx, so that no attestation is added" ;;
  esac
}

main() {
  parse "$@"
  root=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  work=$(mktemp -d "${TMPDIR:-/tmp}/build_and_push.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  local platform
  describe_commit
  for platform in "${platforms[@]}"; do name_tags "$platform"; done
  need_docker
  command -v curl >/dev/null || die "there is no curl command" "install curl; it reads back what was pushed"
  find_registry
  for platform in "${platforms[@]}"; do
    name_tags "$platform"
    build "$platform"
    try "$platform"
  done
  create_repository
  login
  for platform in "${platforms[@]}"; do
    name_tags "$platform"
    publish "$platform"
  done
  if [ -n "$dry_run" ]; then say "dry run: nothing was built, created or pushed"; fi
}

publish() { # PLATFORM
  local tag address
  if [ -n "$dry_run" ]; then new_tags=("${tags[@]}"); else sort_tags; fi
  for tag in ${new_tags[@]+"${new_tags[@]}"}; do push "$tag"; done
  if [ -n "$dry_run" ]; then return; fi
  address=$host/$repository@$digest
  say "pushed for $1, $media_type, tags: ${tags[*]}"
  if [ -n "$plain_registry" ]; then say "next: docker pull $address"; else
    say "next: examples/aws/train.py --training-image $address …, or from Python" \
      "ModelTrainer(training_image=…) with sagemaker 3, Estimator(image_uri=…) with sagemaker 2"
  fi
  printf '%s\n' "$address"
}

# Sourced, it only defines its functions: a test holds dns_suffix against botocore that way.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
