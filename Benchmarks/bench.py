#!/usr/bin/env python3
"""Measures the release build beside its peers on the same data, in one run, and prints a table with ratios.

Called by `make bench`. The data is made once and kept below the scratch environment:

  wal/      real WAL segments of a pgbench load
  cluster/  a PostgreSQL cluster of about 2.6 GB: pgbench and a table of hashed text
  catalog/  500 backups and 1,000,000 lines of xlog.db
  replay/   a base backup and a gigabyte of WAL after it (bench_wal.py)

Environment: BENCH_QUICK=1 takes small data and one run each; BENCH_FULL=1 also lets the oracle list the large catalog, which takes
more than ten minutes; BENCH_RUNS=N sets the number of runs (default 3, medians are shown).
"""

import getpass
import mmap
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import bench_backup
import bench_catalog
import bench_receiver
import bench_restore
import bench_rsync
import bench_wal

QUICK = os.environ.get("BENCH_QUICK") == "1"
FULL = os.environ.get("BENCH_FULL") == "1"
RUNS = 1 if QUICK else int(os.environ.get("BENCH_RUNS", "3"))
SEGMENTS = 12 if QUICK else 60
TEXT_ROWS = 200_000 if QUICK else 9_000_000
PGBENCH_SCALE = 5 if QUICK else 100
BACKUPS, WAL_LINES = (50, 50_000) if QUICK else (500, 1_000_000)

SCRATCH = os.environ.get("SWIFT_BARMAN_SCRATCH", "/var/tmp/swift-barman")
ROOM = os.path.join(SCRATCH, "bench-quick" if QUICK else "bench")
REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = "/usr/lib/postgresql/15/bin"
ORACLE = os.path.join(SCRATCH, "oracle", "bin", "barman")
OURS = os.path.join(ROOM, "bin", "barman")
# PostgreSQL refuses to run as root, so everything runs as this user.
USER = "postgres" if os.getuid() == 0 else getpass.getuser()

started = []  # what must be stopped at the end


# -- Running things --------------------------------------------------------------------------------------------------


def as_user():
    """Makes the child run as USER."""
    entry = pwd.getpwnam(USER)
    if os.getuid() == 0:
        os.setgroups([entry.pw_gid])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def environment():
    values = dict(os.environ, HOME=ROOM, LC_ALL="C.UTF-8", PATH=f"{ROOM}/bin:{BIN}:{os.environ['PATH']}")
    for name in ("PGPORT", "PGHOSTADDR", "PGHOST", "PGDATA", "BARMAN_CONFIG_FILE"):
        values.pop(name, None)
    return values


def run(*command, check=True, **options):
    """Runs a command as USER and returns its standard output."""
    done = subprocess.run(
        command, cwd=ROOM, env=environment(), preexec_fn=as_user, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, stdin=subprocess.DEVNULL, **options
    )
    if check and done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(*command, good=(0,)):
    """Seconds, and peak memory in MiB of the largest process, of one command; `good` are the statuses that are no failure."""
    with open(f"{ROOM}/last-output", "w+") as output:
        began = time.monotonic()
        child = subprocess.Popen(
            command, cwd=ROOM, env=environment(), preexec_fn=as_user, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in good:
            output.seek(0)
            sys.exit(f"bench: {' '.join(command)} ended with {child.returncode}:\n{output.read()}")
    return seconds, usage.ru_maxrss / 1024


def fresh():
    """Gives each run the same beginning: no copy of another one in the cache, nothing unsynced, and memory at hand."""
    shutil.rmtree(f"{ROOM}/homes", ignore_errors=True)
    settle()


def set_aside():
    """As `fresh` for many files: the copies stay until `clear_aside`.

    ext4 looks at every inode that was freed in the last minutes when it makes a file: whoever comes after the removal of 200,000 files pays.
    """
    os.makedirs(f"{ROOM}/aside", exist_ok=True)
    own(f"{ROOM}/aside")
    if os.path.isdir(f"{ROOM}/homes"):
        os.rename(f"{ROOM}/homes", f"{ROOM}/aside/{time.monotonic_ns()}")
    settle()


def clear_aside():
    shutil.rmtree(f"{ROOM}/aside", ignore_errors=True)


def settle():
    """Writes everything out and has memory at hand.

    Memory that nobody used for a while the host of a virtual machine must find first: seconds, for any program that fills the page
    cache, and the more the later it has its turn. So it is touched and given back.
    """
    os.sync()
    with open("/proc/meminfo") as file:
        available = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) >> 10
    megabytes = min(1024 if QUICK else 6144, available // 2)
    with mmap.mmap(-1, megabytes << 20) as memory:
        for _ in range(megabytes):
            memory.write(bytes(1 << 20))


rows = []


def compare(work, peers, ours, prepare=None, note=""):
    """Runs peers and ours in turn and adds a row for each peer.

    `peers` maps a name to a function that returns (seconds, peak MiB); `prepare` runs before each one, outside the clock.
    """
    figures = {name: [] for name in [*peers, "ours"]}
    for _ in range(RUNS):
        for name, action in [*peers.items(), ("ours", ours)]:
            if prepare:
                prepare()
            figures[name].append(action())
    seconds = {name: statistics.median(figure[0] for figure in list_) for name, list_ in figures.items()}
    peak = max(figure[1] for figure in figures["ours"])
    for name in peers or {"": None}:
        rows.append((work, name, seconds.get(name), seconds["ours"], peak, note))
        show_row(rows[-1])
    return seconds


def show_row(row):
    work, peer, theirs, ours, peak, note = row
    theirs_text = f"{peer} {theirs:.2f} s" if theirs is not None else "–"
    ratio = f"{ours / theirs:.2f}" if theirs else "–"
    print(f"| {work} | {theirs_text} | {ours:.2f} s | {ratio} | {peak:.0f} MiB | {note} |", flush=True)


# -- Data, made once -------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def once(name, make):
    """Makes ROOM/name unless an earlier run completed it."""
    path = os.path.join(ROOM, name)
    stamp = f"{path}.complete"
    if not os.path.exists(stamp):
        print(f"bench: making {path}", file=sys.stderr, flush=True)
        if os.path.isdir(path):
            shutil.rmtree(path)
        make(path)
        open(stamp, "w").close()
    return path


def start_cluster(data, port, *options):
    run(f"{BIN}/pg_ctl", "-D", data, "-w", "-l", f"{ROOM}/cluster.log", "-o",
        f"-p {port} -k {ROOM} -c listen_addresses=127.0.0.1 {' '.join(options)}", "start")
    started.append(data)


def stop_cluster(data):
    run(f"{BIN}/pg_ctl", "-D", data, "-m", "fast", "-w", "stop", check=False)
    if data in started:
        started.remove(data)


def make_cluster(path):
    run(f"{BIN}/initdb", "-D", path, "-A", "trust", "-U", "postgres", "--data-checksums")
    port = free_port()
    start_cluster(path, port, "-c fsync=off -c wal_level=replica -c max_wal_size=4GB")
    psql = [f"{BIN}/psql", "-h", ROOM, "-p", str(port), "-U", "postgres", "-q", "-c"]
    run(f"{BIN}/pgbench", "-i", "-q", "-s", str(PGBENCH_SCALE), "-h", ROOM, "-p", str(port), "-U", "postgres", "postgres")
    run(*psql, "CREATE TABLE hashed AS SELECT id, md5(id::text) || md5((id + 1)::text) AS text "
               f"FROM generate_series(1, {TEXT_ROWS}) id")
    run(*psql, "CHECKPOINT")
    stop_cluster(path)


def make_wal(path):
    """Archives real segments of a pgbench load."""
    data = f"{path}.cluster"
    shutil.rmtree(data, ignore_errors=True)
    os.makedirs(path)
    own(path)
    run(f"{BIN}/initdb", "-D", data, "-A", "trust", "-U", "postgres")
    port = free_port()
    start_cluster(data, port, f"-c archive_mode=on -c fsync=off -c 'archive_command=cp %p {path}/%f'")
    connection = ["-h", ROOM, "-p", str(port), "-U", "postgres"]
    run(f"{BIN}/pgbench", "-i", "-q", "-s", "20", *connection, "postgres")
    while len(os.listdir(path)) < SEGMENTS + 2:
        run(f"{BIN}/pgbench", "-c", "4", "-T", "5", *connection, "postgres")
    stop_cluster(data)
    shutil.rmtree(data)
    names = sorted(name for name in os.listdir(path) if len(name) == 24)
    for name in os.listdir(path):
        if name not in names[1:SEGMENTS + 1]:
            os.unlink(os.path.join(path, name))


def own(path):
    if os.getuid() == 0:
        entry = pwd.getpwnam(USER)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def start_sshd():
    """An ssh server of our own on a free port, and an `ssh` in PATH that reaches it as host `bench`."""
    folder = f"{ROOM}/ssh"
    if not os.path.isdir(folder):
        os.makedirs(folder, mode=0o700)
        own(folder)
        for key in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
        shutil.copy(f"{folder}/user.pub", f"{folder}/authorized")
        own(f"{folder}/authorized")
    port = free_port()
    with open(f"{folder}/sshd_config", "w") as file:
        file.write(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
                   f"StrictModes no\nUsePAM no\nPidFile {folder}/sshd.pid\n")
    with open(f"{folder}/config", "w") as file:
        file.write(f"Host bench\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {folder}/user\n"
                   f"  StrictHostKeyChecking no\n  UserKnownHostsFile {folder}/known\n  LogLevel ERROR\n")
    with open(f"{ROOM}/bin/ssh", "w") as file:
        file.write(f'#!/bin/sh\nexec /usr/bin/ssh -F {folder}/config "$@"\n')
    os.chmod(f"{ROOM}/bin/ssh", 0o755)
    os.makedirs("/run/sshd", exist_ok=True)
    daemon = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", f"{folder}/sshd_config"], stderr=subprocess.DEVNULL,
                              preexec_fn=as_user)
    started.append(daemon)
    for _ in range(50):
        if subprocess.run([f"{ROOM}/bin/ssh", "bench", "true"], preexec_fn=as_user, env=environment(),
                          stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.1)
    sys.exit("bench: the ssh server does not answer")


def configure(name, **options):
    """A fresh home with one server `main`; returns the path of its configuration."""
    home = f"{ROOM}/homes/{name}"
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    own(f"{ROOM}/homes")
    own(home)
    lines = ["[barman]", f"barman_user = {USER}", f"barman_home = {home}", f"log_file = {home}/barman.log",
             "log_level = DEBUG", "[main]", "backup_options = concurrent_backup", "archiver = on"]
    lines += [f"{key} = {value}" for key, value in options.items()]
    with open(f"{home}/barman.conf", "w") as file:
        file.write("\n".join(lines) + "\n")
    own(f"{home}/barman.conf")
    return home


# -- The work --------------------------------------------------------------------------------------------------------


def bench_start():
    def ten(program):
        figures = [timed(program, "--version") for _ in range(10)]
        return sum(figure[0] for figure in figures), max(figure[1] for figure in figures)

    compare("`barman --version`, ten starts", {"3.19.1": lambda: ten(ORACLE)}, lambda: ten(OURS))


def bench_archive():
    wal = once("wal", make_wal)
    for compression in ("gzip", "zstd", "lz4"):
        stored = {}

        def archive(name, program):
            home = configure(f"archive-{name}", compression=compression, backup_method="local-rsync", conninfo="host=none")
            incoming = f"{home}/main/incoming"
            os.makedirs(f"{home}/main/wals")
            shutil.copytree(wal, incoming)
            for path in (f"{home}/main", f"{home}/main/wals", incoming, *(f"{incoming}/{n}" for n in os.listdir(incoming))):
                own(path)
            os.sync()
            figure = timed(program, "-q", "-c", f"{home}/barman.conf", "archive-wal", "main")
            sizes = [os.path.getsize(os.path.join(folder, name_)) for folder, _, names in os.walk(f"{home}/main/wals")
                     for name_ in names if len(name_) == 24]
            if len(sizes) != SEGMENTS:
                sys.exit(f"bench: {name} archived {len(sizes)} of {SEGMENTS} segments")
            stored[name] = sum(sizes) / 1e6
            return figure

        compare(f"archive-wal, {SEGMENTS} segments, {compression}", {"3.19.1": lambda: archive("oracle", ORACLE)},
                lambda: archive("ours", OURS))
        print(f"|   … stored | {stored['oracle']:.0f} MB | {stored['ours']:.0f} MB | "
              f"{stored['ours'] / stored['oracle']:.2f} | | |", flush=True)


def all_works():
    """The sections by their names, in the order in which all of them run."""
    this = sys.modules[__name__]
    works = {"start": bench_start, "archive": bench_archive, "restore": lambda: bench_restore.run(this), "wal": lambda: bench_wal.run(this)}
    for module in (bench_backup, bench_receiver, bench_rsync, bench_catalog):
        works.update(module.works(this))
    order = ["start", "archive", "catalog", "rsync", "rsync-files", "stream", "incremental", "files", "verify", "restore", "wal", "receive",
             "synchronous", "reports"]
    return {name: works.pop(name) for name in order} | works


def main():
    works = all_works()
    chosen = sys.argv[1:] or list(works)
    unknown = [name for name in chosen if name not in works]
    if unknown:
        print(f"usage: bench.py [SECTION …]\nsections: {' '.join(works)}" if unknown[0] in ("-h", "--help") else
              f"bench: no section {' '.join(unknown)}; there are: {' '.join(works)}")
        sys.exit(0 if unknown[0] in ("-h", "--help") else 2)
    os.makedirs(f"{ROOM}/bin", exist_ok=True)
    os.chmod(ROOM, 0o755)
    own(ROOM)
    shutil.copy(f"{REPOSITORY}/dist/bin/barman", OURS)
    shutil.copy(f"{REPOSITORY}/scripts/make-catalog.py", f"{ROOM}/bin/make-catalog.py")
    print(f"Medians of {RUNS} run(s), each in turn; peak memory is that of our largest process.\n")
    print("| Work | peer | ours | ours / peer | our peak | |\n|---|---|---|---|---|---|", flush=True)
    try:
        for name in chosen:
            works[name]()
    finally:
        for thing in list(started):
            if isinstance(thing, subprocess.Popen):
                thing.terminate()
            else:
                stop_cluster(thing)
        shutil.rmtree(f"{ROOM}/homes", ignore_errors=True)
        clear_aside()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
