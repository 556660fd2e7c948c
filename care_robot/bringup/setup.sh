# shellcheck shell=bash disable=SC2154
# The set-up of the workspace, for ./care, which sources this file: it uses root, venv, kind and the stamps of it.
#
# A stamp is written after its part is complete, never before, so whatever interrupts a set-up, the next one goes
# on with the part that was not complete.

readonly DISK_NEEDED_MB=4000
readonly LOG=$root/log/setup.log

set_up_workspace() {
  local force=false started=$SECONDS
  case ${1:-} in
    "") ;;
    --force) force=true ;;
    *) fail "setup takes no '$1'; it is ./care setup, or ./care setup --force to build everything again." ;;
  esac
  [[ $root != *[[:space:]:]* ]] || fail "the path '$root' has a space or a colon in it, which the build tools cannot take; move the folder."
  [[ -w $root ]] || fail "'$root' cannot be written; clone the project as the user who runs it."
  exec {lock}<"$root"
  if ! flock --nonblock "$lock"; then
    echo "Another ./care is setting up this folder; waiting for it."
    flock "$lock"
  fi
  set -E
  trap 'trap - ERR; echo "care: line $LINENO of care_robot/bringup/setup.sh failed; see log/setup.log." >&2' ERR
  mkdir -p -- "$root/log"
  touch -- "$root/log/COLCON_IGNORE"
  printf '== %s\n' "$(date --iso-8601=seconds)" >>"$LOG"
  check_kind
  if $force; then rm -rf -- "$venv/care.stamp" "$root/build" "$root/install"; fi
  step 1 "Tools"
  check_tools
  step 2 "System packages"
  install_system_packages
  step 3 "Virtual environment"
  make_venv
  step 4 "Python packages"
  install_python_packages
  step 5 "Build of messages"
  build_definitions
  step 6 "Build of care_robot"
  build_package
  note "Ready after $((SECONDS - started)) s; $(du -smc "$venv" "$root/build" "$root/install" | tail -1 | cut -f1) MB in .venv, build and install."
}

step() { printf '[%d/6] %s: ' "$1" "$2"; }
note() { printf '%s\n' "$1"; }

# Ends with the last lines of the log and a remedy.
fail_with_log() {
  printf '\n' >&2
  tail -n "${2:-12}" -- "$LOG" | cut -c1-200 | sed 's/^/    /' >&2
  fail "$1 The whole log is in ${LOG#"$root/"}."
}

# [1/6] -------------------------------------------------------------------------------------------------------

check_kind() {
  local before
  before=$(stamp "$venv/care.stamp")
  before=${before%% *}
  if [[ -n $before && $before != "$kind" ]]; then
    fail "this folder is set up for ROS 2 as $before, and this shell has it as $kind. Use a shell like the one before, or change over with: rm -r .venv build install && ./care setup"
  fi
  if [[ $kind == sourced ]]; then
    [[ $ROS_DISTRO == jazzy ]] || fail "ROS 2 $ROS_DISTRO is sourced, but care_robot is for Jazzy. Source /opt/ros/jazzy/setup.bash, or use a shell without ROS 2: the wheels of Jazzy are installed then."
    [[ -n $(type -P colcon) ]] || fail "ROS 2 $ROS_DISTRO is sourced, but colcon is missing: sudo apt-get install python3-colcon-common-extensions"
  elif [[ $(uname -sm) != "Linux x86_64" ]]; then
    fail "the ROS 2 wheels are for Linux on x86-64, and this is $(uname -sm). Install ROS 2 Jazzy, source its setup.bash, and run ./care setup again."
  fi
}

# Sets python: the first Python 3.10 to 3.12 that has all parts, else the first; and python_lacks, its missing parts.
find_python() {
  local candidates=(python3 python3.12 python3.11 python3.10) candidate found others=() version
  if [[ -n ${CARE_PYTHON:-} ]]; then
    candidates=("$CARE_PYTHON")
  elif [[ $kind == sourced ]]; then
    candidates=(python3) # the one that the sourced rclpy is made for
  fi
  python='' python_version='' python_lacks=()
  for candidate in "${candidates[@]}"; do
    found=$("$candidate" -I - 2>/dev/null <<'PYTHON'
import os, sys, sysconfig
version = "%d.%d" % sys.version_info[:2]
lacks = []
try:
    import ensurepip, venv
except ImportError:
    lacks.append("python%s-venv" % version)
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    lacks.append("python%s-dev" % version)
print("%s %s %s" % (version, sys.executable, " ".join(lacks)))
PYTHON
    ) || continue
    version=${found%% *}
    if [[ $version != 3.1[012] ]]; then
      others+=("$candidate is $version")
      continue
    fi
    read -ra found <<<"$found"
    if [[ -z $python || ${#found[@]} == 2 ]]; then
      python=${found[1]} python_version=$version python_lacks=("${found[@]:2}")
    fi
    [[ ${#found[@]} != 2 ]] || break
  done
  if [[ -z $python ]]; then
    IFS=,
    fail "care_robot needs Python 3.10, 3.11 or 3.12, and found ${others[*]:-none}. Install one of them, with its venv module and headers, and name it: CARE_PYTHON=/path/to/python3.12 ./care setup"
  fi
}

# Sets cxx, and compiler_lacks.
find_compiler() {
  local program
  cxx='' compiler_lacks=()
  for program in "${CXX:-}" c++ g++ clang++; do
    if [[ -n $program && -n $(type -P "$program") ]]; then
      cxx=$program
      break
    fi
  done
  [[ -n $cxx && -n $(type -P "${CC:-}" cc gcc clang) ]] || compiler_lacks=(g++)
}

check_tools() {
  local missing
  if [[ -z ${CARE_PYTHON:-} ]] && venv_is_usable; then
    CARE_PYTHON=$venv/bin/python find_python
  else
    find_python
  fi
  find_compiler
  missing=("${python_lacks[@]}" "${compiler_lacks[@]}")
  [[ -n $(type -P git) ]] || missing+=(git)
  if ((${#missing[@]})); then
    note "${missing[*]} missing"
    apt_install "${missing[@]}" || fail "these are needed: ${missing[*]}. On Debian or Ubuntu: sudo apt-get install ${missing[*]}"
    find_python
    find_compiler
    missing=("${python_lacks[@]}" "${compiler_lacks[@]}")
    ((${#missing[@]} == 0)) || fail "$python still lacks ${missing[*]}; name a Python that has its venv module and its headers: CARE_PYTHON=/path/to/python3.12 ./care setup"
  fi
  if [[ $kind == sourced ]]; then
    "$python" -c 'import rclpy' 2>>"$LOG" || fail "$python cannot import rclpy of the sourced ROS 2 $ROS_DISTRO; set CARE_PYTHON to the Python that it is made for, and see log/setup.log."
    note "Python $python_version, $cxx, ROS 2 $ROS_DISTRO as sourced"
  else
    note "Python $python_version, $cxx, ROS 2 Jazzy from wheels"
  fi
}

# [2/6] -------------------------------------------------------------------------------------------------------

# Installs packages where that needs no password.
apt_install() {
  local sudo=()
  [[ -n $(type -P apt-get) ]] || return 1
  if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || return 1
    sudo=(sudo)
  fi
  echo "      apt-get install $*"
  "${sudo[@]}" apt-get update >>"$LOG" 2>&1 || true # without a network the package may still be in the cache
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@" >>"$LOG" 2>&1
}

install_system_packages() {
  local libraries packages=() reasons=()
  libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p)
  want() { # packages, what goes without them
    packages+=("${@:1:$#-1}")
    reasons+=("${@: -1}")
  }
  [[ $libraries == *libGL.so.1* ]] || want libgl1 "cameras and video files"
  [[ $libraries == *libgthread-2.0.so.0* ]] || want libglib2.0-0 "cameras and video files"
  [[ $libraries == *libEGL.so.1* && $libraries == *libOpenGL.so.0* ]] || want libegl1 libopengl0 libgl1-mesa-dri "rendering of the demo and the simulation"
  [[ -n $(type -P espeak-ng) ]] || want espeak-ng "speech"
  [[ $libraries == *libportaudio.so.2* ]] || want libportaudio2 "sound"
  if [[ ${CI:-} == true ]]; then
    [[ -n $(type -P ign) && -n $(type -P check_urdf) ]] || want libsdformat-dev ignition-tools liburdfdom-tools "checks of worlds and robot by the tools of others"
  fi
  if ((${#packages[@]} == 0)); then
    note "all there"
    return
  fi
  note "${packages[*]} missing"
  if ! apt_install "${packages[@]}"; then
    echo "      The set-up goes on. Until they are installed, these do not work: $(IFS=, && echo "${reasons[*]}")."
    if [[ -n $(type -P apt-get) ]]; then
      echo "      Type: sudo apt-get install ${packages[*]}"
    else
      echo "      Install what your system has in place of Debian's packages ${packages[*]}."
    fi
  fi
}

# [3/6] -------------------------------------------------------------------------------------------------------

venv_is_usable() { [[ -e $venv/care.stamp ]] && "$venv/bin/python" -c 'import pip' 2>/dev/null; }

# Always a new one: in an old one, packages that are no longer wanted would stay, and some would break others.
make_venv() {
  local options=() base free_mb
  base=$("$python" -c 'import sys; print(sys._base_executable)')
  if venv_is_current && [[ $(readlink -f -- "$venv/bin/python") == "$(readlink -f -- "$base")" ]]; then
    note "there"
    return
  fi
  note "making .venv with $base"
  rm -f -- "$venv/care.stamp"
  rm -rf -- "$venv"
  free_mb=$(df -Pm -- "$root" | awk 'NR == 2 {print $4}')
  ((free_mb > DISK_NEEDED_MB)) || fail "the disk of '$root' has $free_mb MB free, and the set-up needs $DISK_NEEDED_MB MB; make room and run ./care setup again."
  [[ $kind == wheels ]] || options=(--system-site-packages)
  "$base" -m venv "${options[@]}" "$venv" >>"$LOG" 2>&1 || fail_with_log "The virtual environment could not be made."
}

# [4/6] -------------------------------------------------------------------------------------------------------

install_python_packages() {
  local files=("$root"/requirements/{embedded,runtime,dev}.txt) arguments=() file count
  if venv_is_current; then
    note "all there"
    return
  fi
  [[ $kind == wheels ]] || files=("${files[@]:1}")
  for file in "${files[@]}"; do arguments+=(--requirement "$file"); done
  count=$(grep -c == -- "$root/requirements/constraints.txt")
  note "up to $count, some minutes on a slow line"
  printf '== pip\n' >>"$LOG"
  watch_pip &
  local watcher=$!
  "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
    "${arguments[@]}" --constraint "$root/requirements/constraints.txt" >>"$LOG" 2>&1 || {
    kill "$watcher" 2>/dev/null || true
    fail_with_log "The Python packages could not be installed. Check the network, and the disk with df -h, and run ./care setup again: what is downloaded is kept."
  }
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  if [[ -t 1 ]]; then printf '\r\033[K'; fi
  if [[ $kind == wheels ]]; then point_cmake_here; fi
  echo "$kind $(venv_key)" >"$venv/care.stamp.new"
  mv -- "$venv/care.stamp.new" "$venv/care.stamp"
}

# A line of progress from pip's log; ends with the set-up, however that ends.
watch_pip() {
  local line n=0 setup=$$
  while sleep 0.5 && kill -0 "$setup" 2>/dev/null; do
    line=$(awk '
      /^== pip$/ { found = unpacks = 0 }
      /^Collecting / { found++ }
      /^Installing collected packages/ { unpacks = 1 }
      END { print unpacks ? "      unpacking" : "      " found + 0 " found and downloaded" }' "$LOG")
    if [[ -t 1 ]]; then
      printf '\r\033[K%s (%d s)' "$line" "$SECONDS"
    elif ((++n % 40 == 0)); then
      printf '%s (%d s)\n' "$line" "$SECONDS"
    fi
  done
}

# The CMake files of the wheels name the include folders of the machine that made them.
point_cmake_here() {
  local includes
  includes=$("$venv/bin/python" -c 'import numpy, sysconfig; print(sysconfig.get_path("include"), numpy.get_include())')
  { grep -rlZ --include='*.cmake' -e '/opt/python/cp3' -- "$venv/share" || true; } | xargs -0 --no-run-if-empty sed -E -i \
    -e "s#/opt/python/cp3[^;\"]*/numpy/(_core|core)/include#${includes#* }#g" \
    -e "s#/opt/python/cp3[^;\"]*/include/python3\.[0-9]+#${includes% *}#g"
}

# [5/6], [6/6] ------------------------------------------------------------------------------------------------

build_definitions() {
  local key paths=("$root/care_robot_msgs")
  if definitions_are_current; then
    note "up to date"
    return
  fi
  if [[ $(stamp "$root/build/care_base.stamp") != "$(build_base)" ]]; then
    rm -rf -- "$root/build" "$root/install"
  fi
  if [[ $kind == wheels ]]; then
    paths+=("$root"/interfaces/*/)
  elif [[ -d $root/care_robot_rviz_plugins ]]; then
    paths+=("$root/care_robot_rviz_plugins")
  fi
  mkdir -p -- "$root/build" "$root/install"
  build_base >"$root/build/care_base.stamp"
  rm -f -- "$root/install/care_definitions.stamp"
  key=$(definitions_key) # what is built, if somebody edits meanwhile
  note "${#paths[@]} packages, some minutes the first time"
  colcon_build "${paths[@]}"
  echo "$key" >"$root/install/care_definitions.stamp"
}

build_package() {
  local key
  if package_is_current; then
    note "up to date"
    return
  fi
  key=$(package_key)
  # Links of files that are no more would stay.
  rm -rf -- "$root/install/care_package.stamp" "$root/build/care_robot" "$root/install/care_robot"
  note "links to the sources"
  colcon_build "$root"
  echo "$key" >"$root/install/care_package.stamp"
}

colcon_build() {
  printf '== colcon\n' >>"$LOG"
  (
    export PATH=$venv/bin:$PATH COLCON_DEFAULTS_FILE=$root/colcon_defaults.yaml
    if [[ $kind == wheels ]]; then
      export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv CMAKE_GENERATOR=Ninja
      unset PYTHONPATH LD_LIBRARY_PATH
    fi
    export MAKEFLAGS=${MAKEFLAGS:--j$(nproc)} # else colcon adds a load limit: on a busy machine it waits for ever
    cd -- "$root"
    # Called with this Python, colcon writes it into the nodes' executables.
    "$venv/bin/python" "$(type -P colcon)" build --base-paths "$@" \
      --cmake-args -DBUILD_TESTING=OFF --parallel-workers 2 --event-handlers status- 2>&1
  ) | tee -a -- "$LOG" | sed -u -n -E 's/^(Finished <<<|Failed   <<<|Aborted  <<<) (.*)/      \2/p' ||
    fail_with_log "The build failed; the first error is above or in log/latest_build. Run ./care setup again when it is mended, with --force if the error stays." 30
}
