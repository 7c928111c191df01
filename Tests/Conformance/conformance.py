"""Asks the oracle and our program the same about random homes, and compares every answer and every tree.

The oracle is run as a program; nothing of it is imported. See `docs/testing.md`.
"""

import argparse
import collections
import difflib
import multiprocessing
import os
import random as randomness
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import types

import catalog
import compare
import differences
import faults
import hostile
import questions
import settings
from oracle import Oracle

TIMEOUT_SECONDS = 90
SCRATCH = os.environ.get("SWIFT_BARMAN_SCRATCH", "/var/tmp/swift-barman")
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


# The same for both programs; the last lines matter to the oracle only.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "COLUMNS": "80",
    "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": f"{os.path.dirname(os.path.abspath(__file__))}/packages",
}


def started(program):
    """Asks a program by starting it."""
    def ask(words, environment, timeout):
        run = subprocess.run([program] + words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, cwd="/")
        return run.stdout, run.stderr, run.returncode
    return ask


class Side:
    """One of the two programs with its own copy of the home. Both roots have names of one length."""

    def __init__(self, program, root, home):
        self.program, self.root, self.home = program, root, home
        self.environment = ENVIRONMENT | {"HOME": root, "TZ": home.zone}

    def ask(self, question):
        words = ["-c", f"{self.root}/barman.conf"] + question.words
        try:
            out, err, status = self.program(words, self.environment, TIMEOUT_SECONDS)
        except (TimeoutError, subprocess.TimeoutExpired):
            out, err, status = b"", b"HANGS", -99
        if question.command == "cron":
            self.wait_for_children()
        texts = (text.decode(errors="backslashreplace") for text in (out, err))
        return compare.Answer(question, self.home, self.root, *texts, status)

    def wait_for_children(self):
        """Until what cron left running in the background has ended."""
        faults.wait_for_commands(f"{self.root}/barman.conf", TIMEOUT_SECONDS)

    def tree(self):
        """Every path below the home with its kind and content, without lock files."""
        found = {}
        top = f"{self.root}/home"
        for directory, names, files in os.walk(top):
            for name in names + files:
                path = os.path.join(directory, name)
                key = os.path.relpath(path, top)
                if name.startswith(".") and name.endswith(".lock"):
                    continue
                if os.path.islink(path):
                    found[key] = "link to " + os.readlink(path)
                elif os.path.isdir(path):
                    found[key] = "directory"
                else:
                    with open(path, "rb") as file:
                        found[key] = file.read().replace(self.root.encode(), b"/ROOT")
        return found


class Case:
    """One random home, all that is asked about it, and what was found."""

    def __init__(self, seed, index, options, kind=catalog):
        self.seed, self.index, self.options, self.kind = seed, index, options, kind
        self.root = f"{options.directory}/{seed}-{kind.__name__[0]}{index}"
        self.answers = self.runs = self.trees = 0
        self.findings = []
        self.known = {}
        self.seconds = {"oracle": 0.0, "ours": 0.0}

    def generator(self, part):
        return randomness.Random(f"{self.seed}/{self.index}/{part}")

    def run(self):
        shutil.rmtree(self.root, ignore_errors=True)
        roots = [f"{self.root}/orcl", f"{self.root}/ours"]
        for root in roots:
            home = self.kind.make_home(root, lambda: self.generator("home"))
        self.home = home
        self.sides = [Side(program, root, home) for program, root in zip(self.options.programs, roots)]
        if self.sides[0].tree() != self.sides[1].tree():
            raise SystemExit("the two copies of a home differ before anything ran")
        is_catalog = self.kind is catalog
        asked = questions.reports(home, self.generator("reports"), self.options.few) if is_catalog else settings.questions(home, self.generator("reports"))
        for question in asked:
            self.compare_answers(question)
        self.compare_trees("all reports")
        for question in questions.changes(home, self.generator("changes"), self.options.few) if is_catalog else []:
            if self.is_diverged:
                break
            self.compare_answers(question)
            self.compare_trees(question.words)
        if not self.findings and not self.options.keep:
            shutil.rmtree(self.root)

    def result(self):
        """What goes back to the process that counts."""
        counts = {
            "catalogs": int(self.kind is catalog), "configurations": int(self.kind is settings), "answers": self.answers, "runs": self.runs,
            "trees": self.trees, "different": len(self.findings), "oracle seconds": self.seconds["oracle"], "our seconds": self.seconds["ours"],
        } | {f"listed: {title}": count for title, count in self.known.items()}
        return types.SimpleNamespace(root=self.root, findings=self.findings, counts=counts)

    is_diverged = False

    def compare_answers(self, question):
        given = []
        for name, side in zip(("oracle", "ours"), self.sides):
            start = time.monotonic()
            given.append(side.ask(question))
            self.seconds[name] += time.monotonic() - start
            if self.options.times:
                print(f"{time.monotonic() - start:7.2f} {name} {question.words}", flush=True)
        self.runs += 1
        self.answers += question.answers
        if self.options.oracle_twice:
            for answer in given:
                answer.as_given()
        if given[1].differs_from(given[0]) and not self.options.oracle_twice:
            for title in differences.settle(question, *given):
                self.known[title] = self.known.get(title, 0) + 1
        parts = given[1].differs_from(given[0])
        if not parts:
            return
        text = []
        for part in parts:
            if part == "status":
                text.append(f"exit status: oracle {given[0].raw_status}, ours {given[1].raw_status}")
            else:
                text += diff(getattr(given[0], part), getattr(given[1], part), part)
        self.findings.append((question.words, text))

    def compare_trees(self, words):
        trees = [side.tree() for side in self.sides]
        self.trees += 1
        text = []
        for key in sorted(trees[0].keys() | trees[1].keys()):
            values = [tree.get(key) for tree in trees]
            if values[0] == values[1] or differences.may_differ(key, values, self.home):
                continue
            if None in values:
                text.append(f"{key}: only with {'the oracle' if values[1] is None else 'us'}")
            else:
                shown = [value if isinstance(value, str) else value[:20000].decode(errors="backslashreplace") for value in values]
                text += diff(*shown, key)
        if text:
            self.is_diverged = True
            self.findings.append((["tree after"] + list([words] if isinstance(words, str) else words), text))


def diff(left, right, name):
    if "\n" not in left.rstrip("\n") and len(left) > 300 and left.startswith("{"):
        left, right = left.replace(", ", ",\n"), right.replace(", ", ",\n")
    return list(difflib.unified_diff(left.split("\n"), right.split("\n"), f"oracle: {name}", f"ours: {name}", "", "", 2, ""))[:60]


def built_program():
    run = subprocess.run(["swift", "build", "--show-bin-path"], cwd=REPOSITORY, capture_output=True, text=True)
    return run.stdout.strip() + "/barman"


def arguments():
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("-n", type=int, default=int(os.environ.get("N") or 40), help="how many homes, and as many configurations (40)")
    parser.add_argument("--seed", default=os.environ.get("SEED") or str(randomness.SystemRandom().randrange(1 << 32)))
    parser.add_argument("--only", help="only the home of this number; sN: the configuration")
    parser.add_argument("--shard", default="1/1", help="K/N: every N-th of them, beginning with the K-th")
    parser.add_argument("--at-least", type=int, default=0, metavar="ANSWERS", help="fail when there were fewer")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS_AT_MOST") or 1e9), help="start no home after this time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", action="store_true", help="keep every home, not only those with a finding")
    parser.add_argument("--hostile", action="store_true", help="only damaged homes, for our program alone")
    parser.add_argument("--faults", nargs="?", const="", help="faults at every call of commands that change a catalog (of those named so)")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="with --hostile or --faults: one of K of them, chosen by the seed")
    parser.add_argument("--few", action="store_true", help="fewer questions for each home")
    parser.add_argument("--oracle-twice", action="store_true", help="compare the oracle that forks with the oracle that is started, as they are")
    parser.add_argument("--times", action="store_true", help="print the duration of each command")
    parser.add_argument("--oracle", default=os.environ.get("BARMAN_ORACLE") or f"{SCRATCH}/oracle/bin/barman")
    parser.add_argument("--program", default=os.environ.get("BARMAN_TEST_PROGRAM"))
    parser.add_argument("--directory", default=f"{SCRATCH}/conformance", help="where homes are made")
    options = parser.parse_args()
    options.program = options.oracle if options.oracle_twice else os.path.abspath(options.program or built_program())
    options.directory = os.path.abspath(options.directory)
    os.makedirs(options.directory, exist_ok=True)
    return options


def chosen(options):
    """The cases to compare. Configurations are small: there are as many as homes."""
    if options.only is not None:
        return [(settings if options.only.startswith("s") else catalog, int(options.only.lstrip("sc")))]
    shard, shards = map(int, options.shard.split("/"))
    return [(kind, index) for index in range(shard - 1, options.n, shards) for kind in (catalog, settings)]


def one(kind_name, index):
    """Compares one case, in a process of the pool; `None` when the time is up."""
    if time.monotonic() > OPTIONS.end:
        return None
    case = Case(OPTIONS.seed, index, OPTIONS, {"catalog": catalog, "settings": settings}[kind_name])
    try:
        case.run()
    except Exception:
        # Nothing that was not compared passes for equal.
        case.findings.append((["comparing"], traceback.format_exc().splitlines()))
    return case.result()


def compare_all(options):
    """Every case on as many processes as there are jobs; tells what was found and returns the exit status."""
    global OPTIONS
    start = time.monotonic()
    print(f"conformance: seed {options.seed}, shard {options.shard} of {options.n} homes, now {catalog.NOW.isoformat()}", flush=True)
    server = Oracle(options.oracle, ENVIRONMENT | {"HOME": "/"})
    options.programs = [server.ask, started(options.program)]
    options.end = start + options.seconds
    OPTIONS = options
    total = collections.Counter()
    try:
        with multiprocessing.get_context("fork").Pool(options.jobs) as pool:
            for result in [pool.apply_async(one, (kind.__name__, index)) for kind, index in chosen(options)]:
                result = result.get()
                if result is None:
                    continue
                total.update(result.counts)
                for words, text in result.findings:
                    print(f"\n--- home {result.root.rsplit('-', 1)[1]} ({result.root}): {' '.join(map(repr, words))}")
                    print("\n".join(text), flush=True)
    finally:
        server.stop()
    for name, count in sorted(total.items()):
        if name.startswith("listed: "):
            print(f"listed difference, {count} times: {name.removeprefix('listed: ')}")
    print(
        f"conformance: seed {options.seed}, shard {options.shard}: {total['catalogs']} catalogs, {total['configurations']} configurations, "
        f"{total['answers']} answers from {total['runs']} commands, {total['trees']} trees, {total['different']} different, "
        f"{time.monotonic() - start:.0f} s (oracle {total['oracle seconds']:.0f} s, ours {total['our seconds']:.0f} s)"
    )
    if total["answers"] < options.at_least:
        print(f"conformance: fewer than {options.at_least} answers")
        return 1
    return 1 if total["different"] else 0


def attack_all(options):
    """The damaged homes, or the faults; tells what was found and returns the exit status."""
    start, random = time.monotonic(), randomness.Random(options.seed)
    print(f"conformance: seed {options.seed}, one of {options.every}", flush=True)
    # What is asked is never whether a disk keeps what was synced: memory is a thousand syncs faster.
    memory = "/dev/shm"
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    with tempfile.TemporaryDirectory(dir=memory if has_room else options.directory) as work:
        if options.hostile:
            found, kind = hostile.run(options.program, work, options.every, random), "commands on damaged homes"
        else:
            server = Oracle(options.oracle, ENVIRONMENT | {"HOME": "/"}) if os.access(options.oracle, os.X_OK) else None
            try:
                ask = server.ask if server else None
                found, kind = faults.run(options.program, ask, work, options.faults, options.every, random), "runs with a fault"
            finally:
                if server:
                    server.stop()
    print(f"conformance: {found.count} {kind}, {len(found.findings)} findings, {time.monotonic() - start:.0f} s")
    return 1 if found.findings or not found.count else 0


def main():
    options = arguments()
    if options.faults is not None or options.hostile:
        sys.exit(attack_all(options))
    sys.exit(compare_all(options))


if __name__ == "__main__":
    main()
