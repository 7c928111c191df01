"""Restores in every form beside their peers: `bench.py restore`.

Plain, zstd tar and remote: the cluster of about 2.6 GB. Chain: a cluster of PostgreSQL 17 with four increments, made once.
"""

import os
import shutil
import statistics


class Restores:
    """The section's state; `bench` is the module with the helpers."""

    def __init__(self, bench):
        self.bench = bench
        self.target = f"{bench.ROOM}/restored"

    # -- Backups ----------------------------------------------------------------------------------------------------

    def home(self, name, data, port, link, program=None, **options):
        """A home with one full backup, taken by 3.19.1 with pg_basebackup unless another program is given; returns its path."""
        b = self.bench
        home = b.configure(name, backup_method="postgres", conninfo=f"host={b.ROOM} port={port} user=postgres dbname=postgres",
                           streaming_conninfo=f"host={b.ROOM} port={port} user=postgres", immediate_checkpoint="true", **options)
        for folder in ("", "/incoming", "/wals", "/base", "/meta", "/streaming", "/errors"):
            os.makedirs(f"{home}/main{folder}", exist_ok=True)
            b.own(f"{home}/main{folder}")
        os.symlink(f"{home}/main/incoming", f"{link}.new")
        os.replace(f"{link}.new", link)
        self.oracle(home, "-q", "switch-wal", "--force", "--archive", "main")
        b.run(program or b.ORACLE, "-c", f"{home}/barman.conf", "backup", "main")
        self.oracle(home, "-q", "switch-wal", "--force", "--archive", "main")
        return home

    def oracle(self, home, *words):
        words = list(words)
        options = [words.pop(0)] if words[0] == "-q" else []
        return self.bench.run(self.bench.ORACLE, *options, "-c", f"{home}/barman.conf", *words)

    # -- Runs -------------------------------------------------------------------------------------------------------

    def restore(self, program, home, *options):
        return lambda: self.bench.timed(program, "-c", f"{home}/barman.conf", "restore", "--get-wal", *options, "main", "latest",
                                        self.target)

    def clear(self):
        shutil.rmtree(self.target, ignore_errors=True)
        os.sync()

    def show_sync(self, home):
        """Our final sync, which most peers leave to chance, apart from the copy."""
        lines = [line for line in open(f"{home}/barman.log") if "final sync of" in line]
        seconds = statistics.median(float(line.split("final sync of ")[1].split()[0]) for line in lines[-self.bench.RUNS:])
        print(f"|   … of which our final sync | | {seconds:.2f} s | | | |", flush=True)

    # -- The table --------------------------------------------------------------------------------------------------

    def plain(self, home):
        b = self.bench
        source = self.backups(home)[0]
        b.compare("restore, plain, local",
                  {"3.19.1": self.restore(b.ORACLE, home), "3.19.1, two jobs": self.restore(b.ORACLE, home, "--jobs", "2"),
                   "cp -a (nothing synced)": lambda: b.timed("cp", "-a", source, self.target)},
                  self.restore(b.OURS, home), prepare=self.clear)
        self.show_sync(home)
        remote = ("--remote-ssh-command", f"ssh {b.USER}@bench")
        b.compare("restore, plain, to another host", {"3.19.1": self.restore(b.ORACLE, home, *remote)},
                  self.restore(b.OURS, home, *remote), prepare=self.clear)
        self.show_sync(home)

    def tar(self, home, data, port):
        b = self.bench
        peers = {"3.19.1 (staging)": self.restore(b.ORACLE, home, "--staging-path", b.ROOM)}
        pgbackrest = self.pgbackrest(data, port)
        if pgbackrest:
            peers["pgBackRest, 2 processes"] = lambda: b.timed(*pgbackrest, "restore")
        b.compare("restore, zstd-3 tar, local", peers, self.restore(b.OURS, home), prepare=self.clear)
        self.show_sync(home)
        return pgbackrest

    def delta(self, homes, pgbackrest):
        """Into a directory where everything is as it should be; pgBackRest reads its manifest and that directory, whatever the form."""
        b = self.bench
        peers = {}
        other = f"{b.ROOM}/restored-pgbackrest"
        if pgbackrest:
            shutil.rmtree(other, ignore_errors=True)
            os.makedirs(other, mode=0o700)
            b.own(other)
            delta = [*pgbackrest[:-1], f"--pg1-path={other}"]
            b.timed(*delta, "restore")
            peers["pgBackRest, 2 processes"] = lambda: b.timed(*delta, "--delta", "restore")
        for form, home in homes.items():
            self.clear()
            self.restore(b.OURS, home)()
            b.compare(f"delta restore, nothing changed, {form}", peers, self.restore(b.OURS, home, "--delta-restore"))
        shutil.rmtree(other, ignore_errors=True)
        shutil.rmtree(f"{b.ROOM}/pgbackrest", ignore_errors=True)

    def pgbackrest(self, data, port):
        """A stanza with one backup; the command without its verb, or None where pgBackRest is not installed."""
        b = self.bench
        if not shutil.which("pgbackrest"):
            print("|   … pgBackRest is not installed | | | | | |", flush=True)
            return None
        folder = f"{b.ROOM}/pgbackrest"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        b.own(folder)
        options = [f"--repo1-path={folder}/repo", f"--log-path={folder}", f"--lock-path={folder}/lock", "--stanza=main",
                   "--config=/dev/null", "--log-level-console=off"]
        source = [f"--pg1-path={data}", f"--pg1-port={port}", f"--pg1-socket-path={b.ROOM}", "--pg1-user=postgres"]
        b.run("pgbackrest", *options, *source, "--no-online", "stanza-create")
        b.stop_cluster(data)
        b.run("pgbackrest", *options, *source, "--no-online", "--compress-type=zst", "--compress-level=3", "--process-max=2",
              "--type=full", "--repo1-retention-full=1", "--start-fast", "backup")
        return ["pgbackrest", *options, "--process-max=2", "--type=none", f"--pg1-path={self.target}"]

    def backups(self, home):
        base = f"{home}/main/base"
        return [f"{base}/{name}/data" for name in sorted(os.listdir(base))]

    # -- Chains -----------------------------------------------------------------------------------------------------

    def chain(self):
        b = self.bench
        programs = f"{b.SCRATCH}/postgresql/17/bin"
        before, b.BIN = b.BIN, programs
        try:
            data = b.once("cluster17", b.make_cluster)
            port, link = b.free_port(), f"{b.ROOM}/incoming17"
            b.start_cluster(data, port, f"-c archive_mode=on -c summarize_wal=on -c 'archive_command=cp %p {link}/%f'")
            home = self.home("restore-chain", data, port, link, path_prefix=programs)
            connection = ["-h", b.ROOM, "-p", str(port), "-U", "postgres"]
            for _ in range(4):
                b.run(f"{programs}/pgbench", "-n", "-c", "4", "-t", "2500", *connection, "postgres")
                self.oracle(home, "backup", "--incremental", "latest", "main")
            b.stop_cluster(data)
            chain = self.backups(home)
            b.compare("restore, chain of 4 increments, local",
                      {"pg_combinebackup": lambda: b.timed(f"{programs}/pg_combinebackup", "--no-sync", "-o", self.target, *chain),
                       "pg_combinebackup with its sync":
                           lambda: b.timed(f"{programs}/pg_combinebackup", "-o", self.target, *chain)},
                      self.restore(b.OURS, home), prepare=self.clear)
            self.show_sync(home)
        finally:
            b.BIN = before


def run(bench):
    bench.start_sshd()
    restores = Restores(bench)
    data = bench.once("cluster", bench.make_cluster)
    port, link = bench.free_port(), f"{bench.ROOM}/incoming"
    bench.start_cluster(data, port, f"-c archive_mode=on -c 'archive_command=cp %p {link}/%f'")
    plain = restores.home("restore-plain", data, port, link)
    restores.plain(plain)
    options = {"backup_compression": "zstd", "backup_compression_format": "tar", "backup_compression_level": "3"}
    ours = restores.home("restore-ours", data, port, link, program=bench.OURS, backup_compression_location="client", **options)
    zstd = restores.home("restore-zstd", data, port, link, backup_compression_location="server", **options)
    pgbackrest = restores.tar(zstd, data, port)
    bench.stop_cluster(data)
    restores.delta({"plain": plain, "zstd-3 tar": zstd, "zstd-3 tar that we took": ours}, pgbackrest)
    for home in (plain, ours, zstd):
        shutil.rmtree(home, ignore_errors=True)
    restores.clear()
    restores.chain()
    restores.clear()
