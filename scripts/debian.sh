# Read by scripts/install (`source`): what comes from Debian's packages, unpacked into .tools/ without
# root, and whether it does what is asked of it.
# shellcheck shell=bash disable=SC2154 # `tools` is of scripts/lib.sh

readonly debian_packages=(rustc-web cargo-web rust-web-src lld-19 wasi-libc)
readonly chromium_packages=(chromium-headless-shell chromium-common fonts-liberation)
readonly h2load_packages=(nghttp2-client)
readonly kubectl_packages=(kubernetes-client)
readonly valgrind_packages=(valgrind)
readonly wrk_packages=(wrk)

# Arguments: a folder, packages. Unpacks the packages, and those that they need and this machine
# lacks, without installing them: no root, and nothing of the system is changed. apt works on lists
# and a state of its own.
unpack_debian() {
  local dir=$1
  shift
  local apt=(
    apt-get -q -y -o "Dir::State=$dir/apt" -o "Dir::State::status=$dir/apt/status"
    -o "Dir::Cache=$dir/apt" -o Debug::NoLocking=1 -o APT::Sandbox::User=root
  )
  rm -rf "$dir"
  mkdir -p "$dir"/apt/{lists,archives}/partial
  cp /var/lib/dpkg/status "$dir/apt/status"
  "${apt[@]}" update
  # What is named here is wanted in this folder, even if the machine has it, too.
  "${apt[@]}" install --download-only --reinstall --no-install-recommends "$@"
  local package
  for package in "$dir"/apt/archives/*.deb; do
    dpkg -x "$package" "$dir"
  done
  rm -rf "$dir/apt"
}

debian_toolchain() {
  local dir=$tools/debian
  unpack_debian "$dir" "${debian_packages[@]}"
  LD_LIBRARY_PATH="$(echo "$dir"/usr/lib/*-linux-gnu)" "$dir/usr/bin/rustc" --version
}

# Its libraries and fonts are where neither the linker nor fontconfig looks for them.
debian_chromium() {
  local dir=$tools/chromium
  unpack_debian "$dir" "${chromium_packages[@]}"
  cat >"$dir/fonts.conf" <<END
<?xml version="1.0"?>
<fontconfig>
  <dir>$dir/usr/share/fonts</dir>
  <cachedir>$dir/fontconfig</cachedir>
  <alias><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
  <match><edit name="family" mode="append_last"><string>Liberation Sans</string></edit></match>
</fontconfig>
END
  local libraries
  libraries=$(find "$dir" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  rm -f "$tools/bin/chromium" # it may be a link
  cat >"$tools/bin/chromium" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$libraries' FONTCONFIG_FILE='$dir/fonts.conf'
exec '$dir/usr/lib/chromium/chromium-headless-shell' "\$@"
END
  chmod +x "$tools/bin/chromium"
  browses "$tools/bin/chromium"
}

# Arguments: a folder, a program in it. Its libraries are where the linker does not look for them.
wrap_debian() {
  local dir=$1 program=$2
  rm -f "$tools/bin/$program" # it may be a link
  # One wrapper for all libraries that came along; `exec`, so that the process is the program itself.
  cat >"$tools/bin/$program" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$(echo "$dir"/usr/lib/*-linux-gnu)'
exec '$dir/usr/bin/$program' "\$@"
END
  chmod +x "$tools/bin/$program"
}

debian_h2load() {
  unpack_debian "$tools/h2load" "${h2load_packages[@]}"
  wrap_debian "$tools/h2load" h2load
  loads "$tools/bin/h2load"
}

debian_wrk() {
  unpack_debian "$tools/wrk" "${wrk_packages[@]}"
  wrap_debian "$tools/wrk" wrk
  [[ $("$tools/bin/wrk" --version 2>&1) == wrk* ]] # its status is 1 all the same
}

debian_kubectl() {
  unpack_debian "$tools/kubectl" "${kubectl_packages[@]}"
  wrap_debian "$tools/kubectl" kubectl
  renders "$tools/bin/kubectl"
}

# Does this kubectl render what is in a folder? It needs no cluster for that.
renders() {
  "$1" kustomize "$root/kind-cluster" >/dev/null
}

# Can this h2load do what the measurements ask of it? Old ones cannot keep a rate.
loads() {
  "$1" --help | grep -q -e '--rps='
}

# Its parts are where it does not look for them.
debian_valgrind() {
  local dir=$tools/valgrind
  unpack_debian "$dir" "${valgrind_packages[@]}"
  rm -f "$tools/bin/valgrind" # it may be a link
  cat >"$tools/bin/valgrind" <<END
#!/bin/sh
export VALGRIND_LIB='$dir/usr/libexec/valgrind'
exec '$dir/usr/bin/valgrind.bin' "\$@"
END
  chmod +x "$tools/bin/valgrind"
  counts "$tools/bin/valgrind"
}

# Does this valgrind count instructions?
counts() {
  "$1" --tool=callgrind --callgrind-out-file=/dev/null /bin/true
}

# Does this browser show a page? One that only says where to get it (Ubuntu has such) does not.
browses() {
  local profile page status=0
  profile=$(mktemp -d)
  page=$(timeout 60 "$1" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --user-data-dir="$profile" --dump-dom 'data:text/html,<p>shown</p>') || status=$?
  rm -rf "$profile"
  ((status == 0)) && [[ $page == *"<p>shown</p>"* ]]
}
