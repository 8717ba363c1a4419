#!/bin/sh
# Writes constraints/*.txt from pyproject.toml, with hashes, for every system and Python 3.11 and newer.
# The lists name no package index, so that whichever one pip is set up to use is used.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # list, what it is, input and options
	list=$1 title=$2
	shift 2
	${UV:-uv} pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --output-file "$work/$list.txt" "$@" >/dev/null
	{ echo "# $title Made by \`make pins\`."; grep -v '^#' "$work/$list.txt"; } >"constraints/$list.txt"
}

llama=$(sed -n 's/.*"\(llama-cpp-python[^"]*\)".*/\1/p' pyproject.toml)
echo "$llama" >"$work/llama.in"
# what llama-cpp-python's own pyproject.toml asks for, and the two programs its build looks for
printf '%s\n' 'scikit-build-core[pyproject]>=0.9.2' 'cmake>=3.21' 'ninja>=1.11' >"$work/build.in"

compile run "What Fireside needs to run, besides llama-cpp-python." \
	--no-emit-package llama-cpp-python pyproject.toml
compile dev "What Fireside needs to run and to be worked on, besides llama-cpp-python." \
	--no-emit-package llama-cpp-python --constraint constraints/run.txt --extra dev pyproject.toml
compile llama "The source of llama-cpp-python, compiled once on this computer." --no-deps "$work/llama.in"
compile build "What compiles llama-cpp-python." "$work/build.in"
