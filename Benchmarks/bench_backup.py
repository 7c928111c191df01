"""Base backups over the replication protocol beside pg_basebackup, 3.19.1 and pgBackRest: sections `stream`, `incremental`, `files`.

`works(bench)` returns the sections; `bench` is the module with the helpers. The data beside that of bench.py:

  cluster17/  the same cluster in PostgreSQL 17 with WAL summaries, for incremental backups
  files/      a small cluster with 200,000 files of one page beside its own
"""

import os
import shutil
import subprocess

FILES = 200_000


def works(bench):
    return {"stream": lambda: stream(bench), "incremental": lambda: incremental(bench), "files": lambda: files(bench)}


class Server:
    """A running cluster whose WAL goes to the home that is being measured."""

    kind = "stream"

    def __init__(self, bench, data, programs, *options):
        self.bench, self.data, self.programs = bench, data, programs
        self.port = bench.free_port()
        self.link = f"{bench.ROOM}/incoming"
        bench.BIN = programs
        bench.start_cluster(
            data, self.port, "-c archive_mode=on -c max_wal_senders=5 -c wal_level=replica",
            f"-c 'archive_command=cp %p {self.link}/%f'", *options,
        )

    def sql(self, *statements):
        words = [word for statement in statements for word in ("-c", statement)]
        return self.bench.run(f"{self.programs}/psql", "-X", "-A", "-t", "-q", "-h", self.bench.ROOM, "-p", str(self.port), "-U",
                              "postgres", *words)

    def stop(self):
        self.bench.stop_cluster(self.data)
        shutil.rmtree(f"{self.bench.ROOM}/homes", ignore_errors=True)

    # -- The programs --------------------------------------------------------------------------------------------------

    def method(self):
        """How backups are taken, as options of the server."""
        return {"backup_method": "postgres", "path_prefix": self.programs}

    def home(self, name, program, **options):
        """A home of barman that may take backups: something has been archived."""
        bench = self.bench
        home = bench.configure(f"{self.kind}-{name}", **{**self.method(), **options},
                               conninfo=f"host={bench.ROOM} port={self.port} user=postgres dbname=postgres")
        for folder in ("", "/incoming", "/wals", "/base", "/meta", "/streaming", "/errors"):
            os.makedirs(f"{home}/main{folder}", exist_ok=True)
            bench.own(f"{home}/main{folder}")
        self.point(f"{home}/main/incoming")
        bench.run(program, "-q", "-c", f"{home}/barman.conf", "switch-wal", "--force", "--archive", "main")
        return home

    def point(self, directory):
        temporary = f"{self.link}.new"
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(directory, temporary)
        os.replace(temporary, self.link)

    def point_nowhere(self):
        """Lets WAL go where nobody looks; the server may be writing there all the while."""
        wal = f"{self.bench.ROOM}/homes/wal"
        os.makedirs(wal, exist_ok=True)
        self.bench.own(wal)
        self.point(wal)

    def barman(self, name, program, *words, **options):
        home = self.home(name, program, **options)
        os.sync()
        figure = self.bench.timed(program, "-c", f"{home}/barman.conf", "backup", "--immediate-checkpoint", *words, "main")
        self.size(name, f"{home}/main/base")
        return figure

    def pg_basebackup(self, name, *words):
        self.point_nowhere()
        target = self.target(name)
        os.sync()
        figure = self.bench.timed(
            f"{self.programs}/pg_basebackup", "-h", self.bench.ROOM, "-p", str(self.port), "-U", "postgres", "-D", target, "-X",
            "none", "-c", "fast", *words,
        )
        self.size(name, target)
        return figure

    def pgbackrest(self, name, *words):
        bench = self.bench
        target = self.target(name)
        options = [f"--pg1-path={self.data}", f"--pg1-port={self.port}", f"--pg1-socket-path={bench.ROOM}", "--pg1-user=postgres",
                   f"--repo1-path={target}", "--stanza=main", f"--lock-path={target}", "--log-level-file=off",
                   "--log-level-console=warn"]
        bench.run("pgbackrest", *options, "stanza-create", "--no-online")
        os.sync()
        # Offline would be another race: its checks of archiving alone are left out.
        figure = bench.timed("pgbackrest", *options, "--compress-type=zst", "--compress-level=3", "--process-max=2",
                             "--repo1-retention-full=9", "--start-fast", "--no-archive-check", "--type=full", *words, "backup")
        self.size(name, target)
        return figure

    def target(self, name):
        target = f"{self.bench.ROOM}/homes/{name}"
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target, mode=0o700)
        for path in (os.path.dirname(target), target):
            self.bench.own(path)
        return target

    sizes = {}

    def size(self, name, directory):
        self.sizes[name] = int(subprocess.run(["du", "-s", "--apparent-size", "-BM", directory], capture_output=True,
                                              text=True).stdout.split("M")[0])

    def show_sizes(self, names):
        listed = ", ".join(f"{name} {self.sizes[name]} MB" for name in names if name in self.sizes)
        print(f"|   … stored | {listed} | | | | |", flush=True)
        shutil.rmtree(f"{self.bench.ROOM}/homes", ignore_errors=True)


# -- The sections ------------------------------------------------------------------------------------------------------


def stream(bench):
    server = Server(bench, bench.once("cluster", bench.make_cluster), bench.BIN)
    ours = lambda **options: lambda: server.barman("ours", bench.OURS, **options)
    oracle = lambda **options: lambda: server.barman("3.19.1", bench.ORACLE, **options)
    bench.compare(
        "stream, plain (ours with SHA-256 of every file)",
        {"pg_basebackup": lambda: server.pg_basebackup("pg_basebackup"), "3.19.1": oracle()}, ours(),
        prepare=bench.fresh,
    )
    server.show_sizes(["pg_basebackup", "3.19.1", "ours"])
    zstd = dict(backup_compression="zstd", backup_compression_format="tar", backup_compression_level=3)
    peers = {
        "pg_basebackup": lambda: server.pg_basebackup("pg_basebackup", "-Ft", "-Z", "client-zstd:level=3,workers=2"),
        "3.19.1": oracle(**zstd),
    }
    if shutil.which("pgbackrest"):
        peers["pgBackRest"] = lambda: server.pgbackrest("pgBackRest")
    bench.compare("stream, zstd level 3, client side", peers, ours(**zstd), prepare=bench.fresh)
    server.show_sizes([*peers, "ours"])
    server.stop()


def programs_17(bench):
    return os.path.join(bench.SCRATCH, "postgresql", "17", "bin")


def incremental(bench):
    programs, usual = programs_17(bench), bench.BIN
    bench.BIN = programs
    server = Server(bench, bench.once("cluster17", bench.make_cluster), programs, "-c summarize_wal=on")
    homes = {name: server.home(name, program) for name, program in (("3.19.1", bench.ORACLE), ("ours", bench.OURS))}
    for name, program in (("3.19.1", bench.ORACLE), ("ours", bench.OURS)):
        server.point(f"{homes[name]}/main/incoming")
        bench.run(program, "-q", "-c", f"{homes[name]}/barman.conf", "backup", "--immediate-checkpoint", "main")
    full = server.target("full")
    server.point_nowhere()
    connection = ["-h", bench.ROOM, "-p", str(server.port), "-U", "postgres"]
    bench.run(f"{programs}/pg_basebackup", *connection, "-D", full, "-X", "none", "-c", "fast")
    # Every hundredth page of the large table.
    server.sql("UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid % 6100 = 0", "CHECKPOINT", "SELECT pg_switch_wal()")

    def barman(name, program):
        server.point(f"{homes[name]}/main/incoming")
        os.sync()
        return bench.timed(program, "-c", f"{homes[name]}/barman.conf", "backup", "--immediate-checkpoint", "--incremental",
                           "latest-full", "main")

    bench.compare(
        "incremental, 1 % of pages changed (17)",
        {
            "pg_basebackup": lambda: server.pg_basebackup("increment", "--incremental", f"{full}/backup_manifest"),
            "3.19.1": lambda: barman("3.19.1", bench.ORACLE),
        },
        lambda: barman("ours", bench.OURS),
    )
    server.stop()
    bench.BIN = usual


def make_files(bench):
    def make(path):
        bench.run(f"{bench.BIN}/initdb", "-D", path, "-A", "trust", "-U", "postgres", "--data-checksums")
        folder = f"{path}/base/1"
        page = bytes(8192)
        for number in range(FILES):
            name = f"{folder}/{20_000_000 + number}"
            with open(name, "wb") as file:
                file.write(page)
        bench.run("true") if os.getuid() != 0 else subprocess.run(["chown", "-R", f"{bench.USER}:", path], check=True)
        os.sync()
    return make


def files(bench):
    server = Server(bench, bench.once("files", make_files(bench)), bench.BIN)
    peers = {
        "pg_basebackup": lambda: server.pg_basebackup("pg_basebackup"),
        "3.19.1": lambda: server.barman("3.19.1", bench.ORACLE),
    }
    if shutil.which("pgbackrest"):
        peers["pgBackRest, bundles"] = lambda: server.pgbackrest("pgBackRest", "--repo1-bundle")
    bench.compare(f"{FILES:,} small files", peers, lambda: server.barman("ours", bench.OURS), prepare=bench.set_aside)
    compare_verify(bench, "verify of them", f"{bench.ROOM}/homes/stream-ours")
    server.stop()
    bench.clear_aside()


def compare_verify(bench, work, home):
    base = f"{home}/main/base"
    data = f"{base}/{sorted(os.listdir(base))[-1]}/data"
    bench.compare(
        work, {"pg_verifybackup": lambda: bench.timed(f"{bench.BIN}/pg_verifybackup", "-n", data)},
        lambda: bench.timed(bench.OURS, "-c", f"{home}/barman.conf", "verify-backup", "main", "latest"),
    )
