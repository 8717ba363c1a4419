#!/usr/bin/env python3
"""Makes the environment that `make run` and `make test` use, in `.venv`.

Standard library only, and it still starts on Python 3.7, to say that it is too old. What is missing from
the system is named all at once, with the one command that installs it. llama.cpp is compiled once per
computer and kept in a cache of our own, because pip forgets what it compiled when hashes are required.
"""

import argparse
import collections
import contextlib
import ctypes
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import fcntl
except ImportError:  # Windows: two setups at once are then told apart by their temporary folders alone
    fcntl = None

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "fireside-setup.json")
OLDEST = (3, 11)
GOOD_PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
NEEDED_BYTES = 2 * 10**9  # environment 0.7 GB, compiling 0.9 GB
CMAKE_ARGS = "-DGGML_NATIVE=ON"

Library = collections.namedtuple("Library", "soname debian fedora arch needed")
# Debian's names also serve Ubuntu, Fedora's its relatives. Without the Wayland ones Qt takes X11.
LIBRARIES = [
    Library("libEGL.so.1", "libegl1", "libglvnd-egl", "libglvnd", True),
    Library("libGL.so.1", "libgl1", "libglvnd-glx", "libglvnd", True),
    Library("libglib-2.0.so.0", "libglib2.0-0", "glib2", "glib2", True),
    Library("libdbus-1.so.3", "libdbus-1-3", "dbus-libs", "dbus", True),
    Library("libfontconfig.so.1", "libfontconfig1", "fontconfig", "fontconfig", True),
    Library("libfreetype.so.6", "libfreetype6", "freetype", "freetype2", True),
    Library("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon", "libxkbcommon", True),
    Library("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11", True),
    Library("libX11.so.6", "libx11-6", "libX11", "libx11", True),
    Library("libX11-xcb.so.1", "libx11-xcb1", "libX11-xcb", "libx11", True),
    Library("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor", True),
    Library("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm", "xcb-util-wm", True),
    Library("libxcb-image.so.0", "libxcb-image0", "xcb-util-image", "xcb-util-image", True),
    Library("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms", True),
    Library(
        "libxcb-render-util.so.0", "libxcb-render-util0", "xcb-util-renderutil", "xcb-util-renderutil", True
    ),
    Library("libxcb-randr.so.0", "libxcb-randr0", "libxcb", "libxcb", True),
    Library("libxcb-shape.so.0", "libxcb-shape0", "libxcb", "libxcb", True),
    Library("libxcb-xkb.so.1", "libxcb-xkb1", "libxcb", "libxcb", True),
    Library("libxcb-sync.so.1", "libxcb-sync1", "libxcb", "libxcb", True),
    Library("libxcb-xfixes.so.0", "libxcb-xfixes0", "libxcb", "libxcb", True),
    Library("libxcb-shm.so.0", "libxcb-shm0", "libxcb", "libxcb", True),
    Library("libwayland-client.so.0", "libwayland-client0", "libwayland-client", "wayland", False),
    Library("libwayland-cursor.so.0", "libwayland-cursor0", "libwayland-cursor", "wayland", False),
]
INSTALL = {
    "debian": "apt-get install -y --no-install-recommends",
    "fedora": "dnf install -y",
    "arch": "pacman -S --needed",
}
COMPILER = {"debian": "g++", "fedora": "gcc-c++", "arch": "gcc"}
PYTHON = {"debian": ("python3.11", "python3.11-venv"), "fedora": ("python3.12",), "arch": ("python",)}
# Of a processor's flags, those a compiler makes instructions of: others come and go with the kernel.
INSTRUCTIONS = re.compile(
    r"(sse|ssse|avx|fma|f16c|bmi|amx|aes|vaes|popcnt|movbe|abm|lzcnt|sha|gfni|adx|vpcl|xop)"
)


class SetupError(Exception):
    """The setup cannot go on; the text is for the user."""


def say(*words):
    """Print at once, also into a pipe."""
    print(*words, flush=True)


# What the system has


def family(os_release="/etc/os-release"):
    """Return `debian`, `fedora`, `arch`, or an empty string for any other system."""
    words = []
    try:
        with open(os_release, encoding="utf-8") as file:
            for line in file:
                name, _, value = line.partition("=")
                if name in ("ID", "ID_LIKE"):
                    words += value.strip().strip("\"'").split()
    except OSError:
        return ""
    for word in words:
        known = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora"}.get(word, word)
        if known in INSTALL:
            return known
    return ""


def loads(soname):
    """Return whether the dynamic linker finds this library."""
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def answer(python, code):
    """Return what `python -c code` prints, or None when it fails."""
    try:
        done = subprocess.run(
            [python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return None
    return done.stdout.decode().strip() if done.returncode == 0 else None


def version_of(python):
    """Return `3.11` and the like for an interpreter that works, or an empty string."""
    return answer(python, "import sys; print('%d.%d' % sys.version_info[:2])") or ""


def find_python(running=None, which=shutil.which, version=version_of):
    """Return this Python if it is new enough, else a newer one on PATH, else None."""
    if (running or sys.version_info[:2]) >= OLDEST:
        return sys.executable
    for name in GOOD_PYTHONS:
        path = which(name)
        if path and version(path):  # a version manager's stand-in may be there and not work
            return path
    return None


def compiler():
    """Return the C++ compiler's path, or an empty string when it or the C compiler is missing."""
    both = [
        shutil.which((os.environ.get(name) or usual).split()[0])
        for name, usual in (("CC", "cc"), ("CXX", "c++"))
    ]
    return both[1] if all(both) else ""


Missing = collections.namedtuple("Missing", "reasons packages wishes")


def missing(python, must_build, system, loads=loads, answer=answer, compiler=compiler):
    """Return what the system lacks: sentences, package names, and names of packages it could do without."""
    reasons, packages, wishes = [], [], []
    if python is None:
        have = platform.python_version()
        reasons.append(f"Python {OLDEST[0]}.{OLDEST[1]} or newer (this is {have}, and PATH has no newer one)")
        packages += PYTHON.get(system, ())
    elif answer(python, "import venv, ensurepip; print('both')") != "both":
        reasons.append("Python's venv module with ensurepip")
        packages += [f"python{version_of(python) or '3'}-venv"] if system == "debian" else []
    if must_build and not compiler():
        reasons.append("a C++ compiler: llama.cpp is compiled once for this computer")
        packages += [COMPILER[system]] if system else []
    if sys.platform.startswith("linux"):
        gone = [library for library in LIBRARIES if not loads(library.soname)]
        needed = [library.soname for library in gone if library.needed]
        if needed:
            noun = "library" if len(needed) == 1 else "libraries"
            reasons.append(f"{len(needed)} {noun} for the window: {', '.join(needed)}")
        if system:
            packages += [getattr(library, system) for library in gone if library.needed]
            wishes += [getattr(library, system) for library in gone if not library.needed]
    return Missing(reasons, list(dict.fromkeys(packages)), list(dict.fromkeys(wishes)))


def install_command(system, packages, is_root):
    """Return the one command that installs these packages."""
    return " ".join([*([] if is_root else ["sudo"]), INSTALL[system], *packages])


def explain(lack, system, is_root):
    """Return the whole message about what is missing."""
    lines = ["Fireside cannot be set up yet. Missing:"]
    lines += [f"  - {reason}" for reason in lack.reasons]
    if lack.packages:
        command = install_command(system, lack.packages + lack.wishes, is_root)
        lines += ["Install with:", f"  {command}", "and run the command again."]
    else:
        lines.append("Install it with your system's packages, and run the command again.")
    return "\n".join(lines)


def check_space(folders, free=lambda folder: shutil.disk_usage(folder).free):
    """Raise SetupError if one of the folders, or the nearest one above it that exists, is too full."""
    for folder in folders:
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        there = free(folder)
        if there < NEEDED_BYTES:
            raise SetupError(
                f"Too little room for the setup: {folder} has {there / 1e9:.1f} GB free,"
                f" {NEEDED_BYTES / 1e9:.0f} GB are needed."
            )


# llama.cpp, compiled once


def pins(name):
    """Return the path of a list of pinned packages: `run`, `dev`, `build` or `llama`."""
    return os.path.join(ROOT, "constraints", name + ".txt")


def llama_version():
    """Return the version of llama-cpp-python that is pinned."""
    with open(pins("llama"), encoding="utf-8") as file:
        return re.search(r"llama-cpp-python==([\w.]+)", file.read()).group(1)


def cmake_args():
    """Return what llama.cpp is compiled with."""
    return os.environ.get("FIRESIDE_CMAKE_ARGS", CMAKE_ARGS)


def processor(cpuinfo="/proc/cpuinfo"):
    """Return the instruction sets of this processor as a line of text."""
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == "flags":
                    return " ".join(sorted({flag for flag in value.split() if INSTRUCTIONS.match(flag)}))
                if name.strip() == "Features":  # ARM
                    return " ".join(sorted(set(value.split())))
    except OSError:
        pass  # not Linux: the processor's name has to do
    return platform.processor()


def short(text):
    """Return a short name for a text that any change changes."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def identity(version, args, machine, libc, flags):
    """Return the name of everything that an installed llama.cpp depends on."""
    native = flags if "NATIVE=ON" in args else ""
    return f"llama-{version}-" + short("|".join([version, args, machine, libc, native]))


def this_identity():
    """Return the identity of a llama.cpp compiled here and now."""
    return identity(
        llama_version(), cmake_args(), platform.machine(), "-".join(platform.libc_ver()), processor()
    )


def compiler_version(path):
    """Return the first line of what the compiler says of itself, or an empty string."""
    if not path:
        return ""
    done = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return (done.stdout.decode(errors="replace").splitlines() or [""])[0]


def cache():
    """Return the folder of our compiled wheels."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "fireside", "wheels")


def wheel_in(folder):
    """Return the wheel in this folder, or None."""
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".whl"):
                return os.path.join(folder, name)
    return None


def find_wheel(wheels, name, made_by):
    """Return a compiled wheel that fits, or None; without a compiler here, whichever compiler made it."""
    if made_by:
        return wheel_in(os.path.join(wheels, f"{name}-{short(made_by)}"))
    for folder in sorted(os.listdir(wheels)) if os.path.isdir(wheels) else []:
        if re.fullmatch(re.escape(name) + "-[0-9a-f]{12}", folder) and wheel_in(os.path.join(wheels, folder)):
            return wheel_in(os.path.join(wheels, folder))
    return None


@contextlib.contextmanager
def only_one(folder, waiting):
    """Let one setup at a time into a folder, if its file system can lock; says `waiting` when it waits."""
    os.makedirs(folder, exist_ok=True)
    if fcntl is None:
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        locked = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            locked = False  # some network file systems cannot; the renames at the end still keep us safe
        yield locked
    finally:
        os.close(handle)


def clock(seconds):
    """Return seconds as `4:07`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """Shows how far the compiler is, from the `[17/312]` that ninja prints."""

    STEP = re.compile(r"\s*\[(\d+)/(\d+)\]")

    def __init__(self, is_terminal, show=sys.stdout.write, now=time.monotonic):
        self._is_terminal, self._show, self._now = is_terminal, show, now
        self._start, self._shown = now(), float("-inf")

    def read(self, line):
        """Take one line of the compiler's output and show the progress if it is time."""
        step = self.STEP.match(line)
        pause = 0.5 if self._is_terminal else 20
        if step is None or self._now() - self._shown < pause:
            return
        self._shown = self._now()
        done, total = int(step.group(1)), int(step.group(2))
        text = f"  {done * 100 // total:3d} %  [{done}/{total}]  {clock(self._shown - self._start)}"
        self._show(f"\r{text}" if self._is_terminal else f"{text}\n")
        sys.stdout.flush()

    def end(self):
        """Finish the line on a terminal."""
        if self._is_terminal and self._shown > 0:
            self._show("\n")


def compile_environment(scratch, build_venv):
    """Return the environment for compiling: our flags, our tools first, room for temporary files."""
    env = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    env["CMAKE_ARGS"] = cmake_args()
    env["PATH"] = os.path.dirname(python_in(build_venv)) + os.pathsep + env.get("PATH", "")
    env["TMPDIR"] = scratch
    env.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(jobs()))
    return env


def jobs():
    """Return how many compilers to run at once: one per core, each with 1.5 GB of memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        memory = 8 << 30
    return max(1, min(cores, memory // 1_500_000_000))


def compile_llama(python, folder):
    """Compile llama-cpp-python into `folder`, which appears whole or not at all; raises SetupError."""
    say(f"Compiling llama.cpp {llama_version()} for this computer. This takes 5 to 20 minutes, once.")
    work = tempfile.mkdtemp(prefix=os.path.basename(folder) + ".tmp", dir=os.path.dirname(folder))
    log = os.path.join(work, "build.log")
    say(f"  log: {log}")
    try:
        with open(log, "w", encoding="utf-8") as file:
            failed = run_compiler(python, work, file)
        if failed:
            kept = folder + ".log"
            shutil.copyfile(log, kept)
            with open(log, encoding="utf-8") as file:
                tail = "".join(f"  | {line}" for line in file.readlines()[-15:])
            raise SetupError(f"llama.cpp could not be compiled. The last lines:\n{tail}The whole log: {kept}")
        for name in ("scratch", "venv"):
            shutil.rmtree(os.path.join(work, name), ignore_errors=True)
        try:
            os.rename(work, folder)
        except OSError:
            if wheel_in(folder) is None:
                raise
            # another setup was faster: its wheel is as good as ours
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run_compiler(python, work, log):
    """Make a small environment for compiling and compile in it; returns whether it failed."""
    venv, scratch = os.path.join(work, "venv"), os.path.join(work, "scratch")
    os.mkdir(scratch)
    make_venv(python, venv)
    pip = [python_in(venv), "-m", "pip"]
    env = compile_environment(scratch, venv)
    tools = [*pip, "install", "-q", "--require-hashes", "--only-binary", ":all:", "-r", pins("build")]
    if subprocess.run(tools, stdout=log, stderr=log, env=env, check=False).returncode:
        return True
    # pip's own cache is left out: it takes no notice of CMAKE_ARGS
    wheel = [*pip, "wheel", "-v", "--no-cache-dir", "--no-deps", "--no-build-isolation", "--require-hashes"]
    wheel += ["--no-binary", "llama-cpp-python", "-r", pins("llama"), "-w", work]
    process = subprocess.Popen(wheel, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    progress = Progress(sys.stdout.isatty())
    try:
        for raw in process.stdout:
            line = raw.decode(errors="replace")
            log.write(line)
            progress.read(line)
    except BaseException:
        process.terminate()
        raise
    finally:
        progress.end()
        process.wait()
    return process.returncode != 0


def llama_wheel(python):
    """Return the path of a compiled wheel that fits this computer, compiling it if there is none."""
    wheels, name, made_by = cache(), this_identity(), compiler_version(compiler())
    wheel = find_wheel(wheels, name, made_by)
    if wheel is None:
        with only_one(wheels, "Another setup is compiling llama.cpp; waiting for it.") as alone:
            wheel = find_wheel(wheels, name, made_by)
            if wheel is None:
                if alone:  # what an interrupted setup left behind
                    for left in os.listdir(wheels):
                        if ".tmp" in left:
                            shutil.rmtree(os.path.join(wheels, left), ignore_errors=True)
                compile_llama(python, os.path.join(wheels, f"{name}-{short(made_by)}"))
                wheel = find_wheel(wheels, name, made_by)
    return wheel


# The environment


def python_in(venv):
    """Return the path of an environment's interpreter."""
    return (
        os.path.join(venv, "Scripts", "python.exe")
        if os.name == "nt"
        else os.path.join(venv, "bin", "python")
    )


def make_venv(python, folder):
    """Make an empty environment; raises SetupError."""
    done = subprocess.run(
        [python, "-m", "venv", "--clear", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise SetupError(
            f"Python could not make an environment in {folder}:\n{done.stdout.decode(errors='replace')}"
        )


def pip_install(arguments):
    """Install into our environment; raises SetupError."""
    quiet = [] if sys.stdout.isatty() else ["-q"]
    command = [python_in(VENV), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *arguments]
    if subprocess.run(command, check=False).returncode:
        raise SetupError(
            "The packages could not be installed; pip says why above."
            " The setup needs the network once, afterwards Fireside works without."
        )


def wanted(dev, had_dev=False):
    """Return what a finished setup would write into its stamp; tools once installed are kept."""

    def digest(name):
        with open(pins(name), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    return {
        "root": ROOT,
        "llama": this_identity(),
        "run": digest("run"),
        "dev": digest("dev") if dev or had_dev else None,
    }


def read_stamp(path=STAMP):
    """Return what the last finished setup wrote, or an empty dict."""
    try:
        with open(path, encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_ready(stamp, want, dev, version):
    """Return whether the environment of this stamp will do: `version` is what its Python says now."""
    same = all(stamp.get(name) == want[name] for name in ("root", "llama", "run"))
    return (
        same
        and bool(version)
        and stamp.get("python") == version
        and (not dev or stamp.get("dev") == want["dev"])
    )


def connect():
    """Make the environment know the checkout: `import app`, and the command `fireside`."""
    python = python_in(VENV)
    site = answer(python, "import sysconfig; print(sysconfig.get_path('purelib'))")
    with open(os.path.join(site, "fireside.pth"), "w", encoding="utf-8") as file:
        file.write(ROOT + "\n")
    run = "import sys\nfrom app.cli.main import run\nsys.exit(run())\n"
    if os.name == "nt":
        with open(os.path.join(VENV, "Scripts", "fireside.cmd"), "w", encoding="utf-8") as file:
            file.write(f'@"{python}" -c "{run.strip().replace(chr(10), "; ")}" %*\n')
        return
    path = os.path.join(VENV, "bin", "fireside")
    with open(path, "w", encoding="utf-8") as file:
        # through the shell: a first line with Python's own path breaks on a space and past 127 characters
        file.write(
            f'#!/bin/sh\n\'\'\'exec\' "$(dirname "$(readlink -f "$0")")/python" "$0" "$@"\n\'\'\'\n{run}'
        )
    os.chmod(path, 0o755)


def set_up(dev):
    """Bring the environment up to date; quick when it is. Raises SetupError."""
    python = find_python()
    if python and is_ready(read_stamp(), wanted(dev), dev, version_of(python_in(VENV))):
        return
    made_by = compiler_version(compiler())
    must_build = find_wheel(cache(), this_identity(), made_by) is None
    system = family()
    lack = missing(python, must_build, system)
    if lack.reasons:
        raise SetupError(explain(lack, system, is_root()))
    with only_one(ROOT, "Another setup is at work in this folder; waiting for it."):
        stamp = read_stamp()
        version = version_of(python_in(VENV))
        if is_ready(stamp, wanted(dev), dev, version):
            return
        check_space([ROOT, cache()])
        install(python, dev, stamp, version)


def install(python, dev, stamp, version):
    """Install everything and write the stamp last, so that an interrupted setup begins again."""
    want = wanted(dev, had_dev=bool(stamp.get("dev")))
    if not stamp or not version or stamp.get("python") != version or stamp.get("root") != ROOT:
        say(f"Making an environment in {VENV}")
        make_venv(python, VENV)
        stamp = {}
    wheel = None if stamp.get("llama") == want["llama"] else llama_wheel(python)
    with contextlib.suppress(FileNotFoundError):
        os.remove(STAMP)
    say("Installing packages (100 to 150 MB are downloaded the first time)")
    hashed = ["--require-hashes", "--only-binary", ":all:"]
    pip_install([*hashed, "-r", pins("dev" if want["dev"] else "run")])
    if wheel:
        pip_install(["--no-deps", "--no-index", "--force-reinstall", wheel])
    connect()
    want["python"] = version_of(python_in(VENV))
    with open(STAMP + ".tmp", "w", encoding="utf-8") as file:
        json.dump(want, file, indent=1)
    os.replace(STAMP + ".tmp", STAMP)
    say("Ready.")


def is_root():
    """Return whether we may install packages ourselves."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def check():
    """Say whether everything needed is here; raises SetupError."""
    system, python = family(), find_python()
    wheel = find_wheel(cache(), this_identity(), compiler_version(compiler()))
    lack = missing(python, wheel is None, system)
    if lack.reasons:
        raise SetupError(explain(lack, system, is_root()))
    check_space([ROOT, cache()])
    say(f"Python: {python}\nllama.cpp: {wheel or 'will be compiled'}")
    if lack.wishes:
        say(f"Good to have for Wayland: {install_command(system, lack.wishes, is_root())}")


def main(arguments=None):
    """Run the command line; returns the exit status: 0, 2 if the setup cannot go on, 130 if interrupted."""
    parser = argparse.ArgumentParser(description="Set up Fireside's environment.")
    parser.add_argument("--dev", action="store_true", help="install the tools for working on Fireside too")
    parser.add_argument("--check", action="store_true", help="only say whether everything needed is here")
    parser.add_argument(
        "--packages", action="store_true", help="only list the system packages that are missing"
    )
    options = parser.parse_args(arguments)
    try:
        if options.packages:
            wheel = find_wheel(cache(), this_identity(), compiler_version(compiler()))
            lack = missing(find_python(), wheel is None, family())
            say("\n".join(lack.packages + lack.wishes))
        elif options.check:
            check()
        else:
            set_up(options.dev)
    except SetupError as error:
        print(error, file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. Run the command again to go on.", file=sys.stderr, flush=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
