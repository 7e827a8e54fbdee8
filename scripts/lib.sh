# Read by the other scripts (`source`): where things are, and how they speak.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Another checkout's may be linked here: what is in it was installed for that place.
tools=$(cd -P "$root/.tools" 2>/dev/null && pwd -P || echo "$root/.tools")
# shellcheck disable=SC2034 # read by the scripts
logs=$tools/log

# One line that says what is wrong and what to do about it.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The end of a log, indented, for a reader who has not opened it.
show_tail() {
  [[ ! -s $1 ]] || tail -n 20 "$1" | sed 's/^/  | /' >&2
}

# Which toolchain compiles to wasm32-wasip1: `rustup` (any Rust whose sysroot has the target),
# `debian` (unpacked into .tools/debian), or nothing. MCP_MUX_WASM_TOOLCHAIN names one of the two
# to leave the other out.
wasm_toolchain() {
  local wanted=${MCP_MUX_WASM_TOOLCHAIN:-any}
  [[ $wanted =~ ^(any|rustup|debian)$ ]] ||
    die "MCP_MUX_WASM_TOOLCHAIN is '$wanted'; it can be rustup or debian"
  if [[ $wanted != debian && -d $(rustc --print sysroot)/lib/rustlib/wasm32-wasip1/lib ]]; then
    echo rustup
  elif [[ $wanted != rustup && -f $tools/stamp/debian ]]; then
    echo debian
  fi
}
