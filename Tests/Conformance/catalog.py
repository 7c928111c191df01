"""Random homes: configuration, backups, WAL, annotations; the same seed always gives the same home.

Times are relative to the moment `NOW`, so that recovery windows cut through every catalog.
"""

import json
import os
import pwd
from datetime import datetime, timedelta, timezone

NOW = datetime.now(timezone.utc).replace(microsecond=0)
USER = pwd.getpwuid(os.getuid()).pw_name

SERVER_NAMES = ["pg", "pg-2", "main", "a.b", "with_under", "UPPER", "grüße", "two words", "0", "zz-long-" + "n" * 30]
DESCRIPTIONS = [
    None, "Main PG", "Größe — “quoted”", "it's \"both\"", "  padded  ", "semi; colon # hash", "日本語 🐘", "a=b", "x" * 200, "tab\there",
    "back\\slash",
]
BACKUP_NAMES = [
    None, None, None, None, "weekly", "first one", "it's", 'say "hi"', "ünï", "weekly", "a=b", "🐘", "last one", "20240101", "x" * 80,
    "-dash", "%s %d", "{0}", "tab\tinside", "latest-fullish",
]
TABLESPACES = [
    ("fast", 16387, "/ssd/fast"), ("o'x", 16388, "/ssd/o"), ('q"q', 16389, "/ssd/q q"), ("größer", 16390, "/ssd/größer"),
    ("a tablespace name of great length indeed", 16391, "/x"), ("both'\"", 16392, "/ssd/\\back"), ("n\nl", 16393, "/ssd/n\tl"),
    ("🐘", 4294967295, "/e"),
]
ERRORS = [
    "failure copying files (it's bad)", "failure starting backup (connection to server at \"pg\" (10.0.0.7), port 5432 failed)",
    "At least one WAL file is missing. The first missing WAL file is 000000010000000000000003", "größer = ü", None,
]
RETENTION = [
    None, None, "REDUNDANCY 1", "REDUNDANCY 2", "redundancy 3", "REDUNDANCY 25", "RECOVERY WINDOW OF 1 DAYS", "RECOVERY WINDOW OF 7 DAYS",
    "recovery window of 2 weeks", "RECOVERY WINDOW OF 1 MONTHS", "RECOVERY WINDOW OF 12 MONTHS", "RECOVERY WINDOW OF 10 d", "nonsense",
    "REDUNDANCY 0", "RECOVERY WINDOW OF 0 DAYS",
]
AGES = [None, None, None, "1 DAY", "3 DAYS", "2 WEEKS", "4 MONTHS", "12 HOURS"]
ZONES = ["UTC", "Europe/Rome", "America/St_Johns", "Asia/Kolkata"]
OFFSETS = [0, 0, 0, 60, 120, -150, 330, -480, 765]
SYSTEM_ID = "7456012345678901234"
MIB = 1 << 20

KEYS = """backup_label backup_name begin_offset begin_time begin_wal begin_xlog children_backup_ids cluster_size compression
config_file copy_stats data_checksums deduplicated_size encryption end_offset end_time end_wal end_xlog error hba_file ident_file
included_files mode parent_backup_id pgdata server_name size snapshots_info status summarize_wal systemid tablespaces timeline version
xlog_segment_size""".split()
HIDDEN_WHEN_NULL = {"backup_name", "snapshots_info"}
YOUNG_KEYS = ["backup_name", "children_backup_ids", "cluster_size", "compression", "copy_stats", "data_checksums", "encryption",
              "included_files", "parent_backup_id", "snapshots_info", "summarize_wal", "systemid", "xlog_segment_size"]
COPIED = ("DONE", "WAITING_FOR_WALS")


class Home:
    """What was made, as far as questions are asked about it."""

    def __init__(self, zone):
        self.zone = zone
        self.has_snapshots = False
        self.servers = []


    def has(self, trait):
        return any(trait in server.traits for server in self.servers)


class Server:
    def __init__(self, name, kind):
        self.name = name
        self.kind = kind
        self.options = {}
        self.backups = []
        self.traits = set()
        # Deleting a snapshot takes the cloud provider: homes that have some are only asked.
        self.has_snapshots = False

    @property
    def is_refused(self):
        return self.kind in ("disabled",)


class Backup:
    def __init__(self, identifier):
        self.id = identifier
        self.values = {}

    def __getitem__(self, key):
        return self.values.get(key)


def segment_name(timeline, number, size):
    per_log = (1 << 32) // size
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def lsn_text(position):
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def any_size(random):
    """From nothing to 16 TiB, the borders of the units among them."""
    exponent = random.randrange(0, 45)
    return random.choice([0, 1, 1023, 1024, 1025, 999, (1 << exponent) - 1, 1 << exponent, random.randrange(1 << exponent, 2 << exponent),
                          random.randrange(1, 100 * MIB), random.randrange(1, 100 * MIB)])


def time_text(moment, random):
    offset = timezone(timedelta(minutes=random.choice(OFFSETS)))
    text = moment.astimezone(offset).isoformat(" ")
    if random.random() < 0.05:
        return moment.replace(tzinfo=None).isoformat(" ")
    return text


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


# Configuration


def server_options(server, random):
    options = server.options
    options["description"] = random.choice(DESCRIPTIONS)
    unreachable = "host=127.0.0.1 port=1 user=barman password=s3cret dbname=postgres"
    options["conninfo"] = unreachable
    options["archiver"] = random.choice(["on", "on", "on", "off", None])
    options["backup_options"] = random.choice(["concurrent_backup", "concurrent_backup", None, "exclusive_backup"])
    method = random.choice(["rsync", "postgres", "local-rsync", "postgres"])
    options["backup_method"] = method
    if method == "rsync":
        options["ssh_command"] = random.choice(["false", "sh -c 'exit 7'", "/nonexistent/ssh -p 22"])
        options["reuse_backup"] = random.choice([None, "link", "copy", "off"])
        options["parallel_jobs"] = random.choice([None, "4"])
    if method == "postgres":
        options["streaming_conninfo"] = "host=127.0.0.1 port=1 user=streaming_barman"
        options["streaming_archiver"] = random.choice([None, "on", "off"])
        if options["streaming_archiver"] == "on":
            options["slot_name"] = random.choice([None, "barman"]) if options["archiver"] == "on" else "barman"
        options["backup_compression"] = random.choice([None, None, "gzip", "none"])
    options["compression"] = random.choice([None, "gzip", "bzip2", "xz", "zstd", "lz4", "pigz", "nonsense"])
    options["retention_policy"] = random.choice(RETENTION)
    options["wal_retention_policy"] = random.choice([None, "main"])
    options["minimum_redundancy"] = random.choice([None, "0", "0", "1", "2", "3"])
    options["last_backup_maximum_age"] = random.choice(AGES)
    options["last_wal_maximum_age"] = random.choice(AGES)
    options["last_backup_minimum_size"] = random.choice([None, None, "1", "10M", "2Gi", "5T"])
    options["max_incoming_wals_queue"] = random.choice([None, "0", "2", "100"])
    options["encryption"] = random.choice([None] * 8 + ["gpg"])
    options["path_prefix"] = random.choice([None, None, "/nonexistent/bin"])
    if server.kind == "inactive":
        options["active"] = random.choice(["false", "off", "no"])
    if server.kind == "disabled":
        options["backup_method"] = "rsync"
        for key in ("ssh_command", "streaming_conninfo", "streaming_archiver", "slot_name", "backup_compression"):
            options.pop(key, None)
        if random.random() < 0.3:
            options["active"] = "false"
    if server.kind == "passive":
        options["primary_ssh_command"] = PRIMARIES[len(server.name) % len(PRIMARIES)]
        if random.random() < 0.5:
            options.pop("conninfo")
            options.pop("streaming_conninfo", None)


# How passive servers reach their primary: not at all, a program that is not there, one that says what `write_primary` has.
PRIMARIES = ["false", "/nonexistent/ssh host", "{root}/primary -q host"]


def write_primary(root):
    """A stand-in for ssh to a primary node that has nothing yet."""
    path = f"{root}/primary"
    write(path, f"#!/bin/sh\ncase \"$*\" in *sync-info*) cat {path}.json;; esac\n")
    os.chmod(path, 0o755)
    config = {"basebackups_directory": "/primary/base", "wals_directory": "/primary/wals", "compression": None, "name": "x"}
    answer = {"backups": {}, "config": config, "last_name": "", "last_position": 0, "wals": [], "version": "3.19.1"}
    write(f"{path}.json", json.dumps(answer, indent=4, sort_keys=True))


def configuration(home, root):
    text = ["[barman]", f"barman_home = {root}/home", f"barman_user = {USER}", f"log_file = {root}/barman.log",
            f"configuration_files_directory = {root}/conf.d", "log_level = DEBUG"]
    for server in home.servers:
        text += ["", f"[{server.name}]"]
        for key, value in server.options.items():
            if value is not None:
                text.append(f"{key} = {value.replace('{root}', root)}")
    return "\n".join(text) + "\n"


# WAL


class WAL:
    """The segments of one server in the order of their making, over timelines."""

    def __init__(self, random):
        self.size = random.choice([16 * MIB] * 6 + [MIB, 64 * MIB])
        self.names = []
        self.positions = []
        self.timelines = []
        self.histories = {}
        timeline = 1
        count = random.choice([0, 3, 12, 30, 30, 60])
        # Near the border of a log file now and then, where numbers begin again.
        number = random.choice([1, 1, 2, (1 << 32) // self.size - 5])
        past = []
        for _ in range(count):
            self.names.append(segment_name(timeline, number, self.size))
            self.positions.append(number * self.size)
            self.timelines.append(timeline)
            if random.random() < 0.05 and timeline < 4:
                switch = number * self.size + random.randrange(0, self.size)
                past.append(f"{timeline}\t{lsn_text(switch)}\tno recovery target specified\n")
                timeline = timeline + random.choice([1, 1, 2])
                self.histories[f"{timeline:08X}.history"] = "\n".join(past)
            else:
                number += 1


def write_wal(server, wal, root, random):
    directory = f"{root}/home/{server.name}/wals"
    os.makedirs(directory, exist_ok=True)
    style = random.choice([5, 5, 5, 4, 3, 0])
    is_small = random.random() < 0.7
    gaps = random.choice([0, 0, 0, 0.1, 0.3])
    moment = (NOW - timedelta(days=random.choice([1, 10, 40, 300]))).timestamp()
    lines = []

    def add(name, path, content):
        nonlocal moment
        write(path, content)
        moment += random.choice([0, 0.25, 60.5, 3600.1828866, 7777.123456789])
        os.utime(path, ns=(int(moment * 1e9), int(moment * 1e9)))
        if random.random() < gaps / 4:
            return
        fields = style or random.choice([3, 4, 5])
        size = len(content) if is_small else random.choice([any_size(random), random.randrange(1, wal.size + 1), wal.size])
        values = [name, str(size), repr(moment), random.choice(["gzip", "None", "bzip2", "zstd"]), random.choice(["None"] * 9 + ["gpg"])]
        lines.append("\t".join(values[:fields]) + "\n")

    seen = set()
    for index, name in enumerate(wal.names):
        timeline = f"{wal.timelines[index]:08X}"
        if timeline not in seen:
            seen.add(timeline)
            if f"{timeline}.history" in wal.histories:
                add(f"{timeline}.history", f"{directory}/{timeline}.history", wal.histories[f"{timeline}.history"].encode())
        if random.random() < gaps:
            continue
        folder = f"{directory}/{name[:16]}"
        magic = random.choice([b"", b"", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"])
        add(name, f"{folder}/{name}", magic + b"w" * random.randrange(0, 3000))
        if random.random() < 0.1:
            label = f"{name}.{random.randrange(0x28, 0x1000):08X}.backup"
            add(label, f"{folder}/{label}", b"START WAL LOCATION: 0/0\n")
        if random.random() < 0.02:
            add(f"{name}.partial", f"{folder}/{name}.partial", b"p")
    if random.random() < 0.1:
        write(f"{directory}/unexpected file", "x")
    if random.random() < 0.1:
        write(f"{directory}/0000000100000000/000000010000000000000001.tmp", "x")
    if random.random() < 0.1:
        os.makedirs(f"{directory}/not-wal", exist_ok=True)
    place = random.choice(["new"] * 6 + ["old", "missing", "empty"])
    server.traits.add(f"xlogdb-{place}")
    text = "".join(lines)
    if random.random() < 0.02 and lines:
        text = "".join(lines[:2]) + "nonsense\t1\t1.0\tNone\tNone\n" + "".join(lines[2:])
        server.traits.add("xlogdb-damaged")
    if place == "new":
        write(f"{directory}/{server.name}-xlog.db", text)
    elif place == "old":
        write(f"{directory}/xlog.db", text)
    elif place == "empty":
        write(f"{directory}/{server.name}-xlog.db", "")
    for queue, kinds in (("incoming", [".tmp", ""]), ("streaming", [".partial", ""]), ("errors", [".unknown", ".duplicate", ".error", ".odd"])):
        os.makedirs(f"{root}/home/{server.name}/{queue}", exist_ok=True)
        if random.random() < (0.3 if queue == "errors" else 0.15):
            for index in range(random.randrange(1, 4) if queue != "streaming" else 1):
                name = f"{segment_name(1, 900 + index, wal.size)}{random.choice(kinds)}"
                # Queues hold only what is not picked up; what is archived belongs to the tests of the archive.
                name = f".{name}" if queue == "incoming" else name
                write(f"{root}/home/{server.name}/{queue}/{name}", "x")
                if queue == "streaming" and not name.endswith(".partial"):
                    os.unlink(f"{root}/home/{server.name}/{queue}/{name}")


# Backups


def copy_stats(random, spaces, mode):
    if random.random() < 0.1:
        return None
    if not mode.startswith("rsync"):
        seconds = random.choice([0.0, 0.4, 1.0, 3.5, 7301.112, 1e-05, 86400.5])
        return repr({"copy_time": seconds, "total_time": seconds})
    items = ["pgdata", "pg_control"] + [space[0] for space in spaces]
    copy = {item: round(random.uniform(0, 400), 6) for item in items}
    analysis = random.choice([0.0, 0.5, 1.2, 75.25])
    return repr({
        "total_time": sum(copy.values()) + analysis, "number_of_workers": random.choice([1, 2, 4]),
        "analysis_time_per_item": {"pgdata": analysis}, "copy_time_per_item": copy, "serialized_copy_time_per_item": copy,
        "analysis_time": analysis, "copy_time": max(copy.values()), "serialized_copy_time": sum(copy.values()),
    })


def snapshots(random):
    provider = random.choice(["gcp", "aws", "azure"])
    info, details = {
        "gcp": ({"project": "my-project"}, {"device_name": "disk-ü", "snapshot_name": "s1", "snapshot_project": "my-project"}),
        "aws": ({"account_id": "1234", "region": "eu-west-1"},
                {"device_name": "/dev/sdf", "snapshot_id": "snap-0a1", "snapshot_name": "n1", "snapshot_lock_mode": random.choice([None, "compliance"])}),
        "azure": ({"subscription_id": "s", "resource_group": "rg"}, {"location": "uk", "lun": "10", "snapshot_name": "az"}),
    }[provider]
    mount = {"mount_options": "rw,noatime", "mount_point": "/opt/pg data"}
    return repr({"provider": provider, "provider_info": info,
                 "snapshots": [{"mount": mount, "provider": details} for _ in range(random.randrange(1, 3))]})


def make_backup(server, backup, place, wal, random, parents):
    status = random.choice(["DONE"] * 10 + ["WAITING_FOR_WALS", "FAILED", "FAILED", "STARTED", "EMPTY", "SYNCING"])
    mode = random.choice(["rsync-concurrent", "rsync-concurrent", "rsync-exclusive", "postgres", "postgres", "postgres", "snapshot-concurrent",
                          "default", "passive", "local-to-cloud-concurrent", "rsync"])
    started = datetime.strptime(backup.id, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    begin = started + timedelta(microseconds=random.choice([0, 123456, 500]))
    end = begin + timedelta(seconds=random.choice([0, 3, 257, 7200]), microseconds=random.choice([0, 1]))
    values = backup.values = dict.fromkeys(KEYS)
    values.update(
        status=status, mode=mode, server_name=server.name, systemid=random.choice([SYSTEM_ID] * 5 + [None]),
        backup_name=random.choice(BACKUP_NAMES), xlog_segment_size=wal.size,
    )
    if status in ("FAILED", "STARTED", "SYNCING", "EMPTY"):
        values["error"] = random.choice(ERRORS) if status == "FAILED" else None
        if random.random() < 0.5 or status == "EMPTY":
            return
    spaces = random.sample(TABLESPACES, random.choice([0, 0, 1, 2, 4]))
    last = max(place, min(len(wal.names) - 1, place + random.choice([0, 0, 1, 3])))
    if last < len(wal.names):
        first_name, last_name = wal.names[place], wal.names[last]
        first, second = wal.positions[place], wal.positions[last]
        timeline = wal.timelines[place]
        if random.random() < 0.9:
            while last_name[:8] != first_name[:8]:
                last -= 1
                last_name, second = wal.names[last], wal.positions[last]
    else:
        # The archive ends before this backup.
        number = (wal.positions[-1] // wal.size if wal.positions else 0) + 3
        timeline = 1
        first = second = number * wal.size
        first_name = last_name = segment_name(timeline, number, wal.size)
    size = any_size(random)
    unique = random.choice([size, size, 0, any_size(random), size // 3])
    checksums = random.choice(["on", "off", None])
    values.update(
        backup_label=repr(f"START WAL LOCATION: {lsn_text(first + 40)} (file {first_name})\nLABEL: it's a \"label\"\n")
        if random.random() < 0.7 else None,
        begin_offset=40, begin_time=time_text(begin, random), begin_wal=first_name, begin_xlog=lsn_text(first + 40),
        end_offset=344, end_time=time_text(end, random), end_wal=last_name, end_xlog=lsn_text(second + 344),
        cluster_size=random.choice([None, 0, size, any_size(random), any_size(random)]), compression=random.choice([None] * 4 + ["gzip", "none", "zstd"]),
        config_file="/srv/pg/postgresql.conf", copy_stats=copy_stats(random, spaces, mode), data_checksums=checksums,
        deduplicated_size=unique, encryption=random.choice([None] * 7 + ["gpg"]), hba_file="/srv/pg/pg_hba.conf",
        ident_file="/srv/pg/pg_ident.conf", included_files=random.choice([None, "['/srv/pg/a b.conf', \"/srv/o'x.conf\"]"]),
        pgdata=random.choice(["/srv/pg", "/srv/größe mit leer", "/srv/o'x"]), size=size, summarize_wal=random.choice([None, "on", "off"]),
        tablespaces=repr(spaces) if spaces else None, timeline=timeline, version=random.choice([170004, 150010, 90624, 120000, 180000]),
    )
    if status in ("STARTED", "SYNCING"):
        # What such a backup needs is kept by us, and removed by the reference (entry: `delete` of a backup while another one).
        values["begin_wal"] = None
    if mode.startswith("snapshot") and server.has_snapshots:
        values["snapshots_info"] = snapshots(random)
    if mode == "postgres":
        candidates = [one for one in parents if one["mode"] == "postgres" and one["status"] in COPIED]
        if candidates and random.random() < 0.6:
            parent = random.choice(candidates[-2:])
            values["parent_backup_id"] = parent.id
            children = parent["children_backup_ids"]
            parent.values["children_backup_ids"] = f"{children},{backup.id}" if children else backup.id


def record_text(backup, missing):
    lines = []
    for key in KEYS:
        value = backup.values[key]
        if key in missing or (value is None and key in HIDDEN_WHEN_NULL):
            continue
        lines.append(f"{key}={value}\n")
    return "".join(lines)


def write_backup(server, backup, root, random):
    home = f"{root}/home/{server.name}"
    base = f"{home}/base/{backup.id}"
    is_old = random.random() < 0.12
    missing = set()
    if random.random() < 0.15:
        missing = set(random.sample(YOUNG_KEYS, random.randrange(1, len(YOUNG_KEYS))))
        if backup["parent_backup_id"] or backup["children_backup_ids"]:
            missing -= {"parent_backup_id", "children_backup_ids"}
        if "snapshot" in (backup["mode"] or ""):
            missing.discard("snapshots_info")
    text = record_text(backup, missing)
    if random.random() < 0.05:
        text = "# a comment\n\n" + text.replace("=", " = ", 3)
    write(f"{base}/backup.info" if is_old else f"{home}/meta/{backup.id}-backup.info", text)
    if is_old and random.random() < 0.2:
        write(f"{home}/meta/{backup.id}-backup.info", text)
    has_directory = random.random() < (0.95 if backup["status"] in COPIED else 0.5)
    # Of one whose files are gone `cron` of the reference leaves the record (entry: `cron` deletes an obsolete backup with incremental ones).
    has_directory = has_directory or backup["parent_backup_id"] is not None
    if has_directory or is_old:
        data = "pgdata" if is_old and random.random() < 0.3 else "data"
        names = ["PG_VERSION", "base/1/1259", "backup_label", "global/pg_control", "with space", "größe", "new\nline"]
        for name in random.sample(names, random.randrange(0, len(names))):
            write(f"{base}/{data}/{name}", "x" * random.randrange(0, 5000))
        os.makedirs(f"{base}/{data}/pg_wal", exist_ok=True)
        if backup["tablespaces"] and random.random() < 0.8:
            write(f"{base}/16387/PG_17/1/2", "y")
        if random.random() < 0.2:
            # The reference can not measure an rsync backup with a link to nothing.
            if not (backup["mode"] or "rsync").startswith("rsync"):
                os.symlink("/nonexistent/elsewhere", f"{base}/{data}/link")
        if random.random() < 0.2:
            os.symlink("pg_wal", f"{base}/{data}/link-to-directory")
    can_be_kept = backup["status"] == "DONE" and not backup["parent_backup_id"]
    if random.random() < (0.25 if can_be_kept else 0.02):
        target = random.choice(["full", "standalone"])
        if is_old and random.random() < 0.5:
            write(f"{base}/annotations/keep", target)
            server.traits.add("legacy-keep")
        else:
            write(f"{home}/meta/{backup.id}-keep", target)
    # Of one whose files are gone the reference forgets the mark, and tells of an orphan; we finish (entry: a deletion that was cut off).
    if random.random() < 0.02 and (has_directory or is_old or backup["status"] == "EMPTY"):
        write(f"{home}/meta/{backup.id}-delete_this", "delete")


def write_server(server, root, random):
    wal = WAL(random)
    count = random.choice([0, 1, 2, 4, 6, 9, 12])
    days = random.choice([0.2, 1, 3, 11])
    # Ages are then between four and fourteen minutes above a multiple of 28.8: none crosses the border of a policy while questions are asked.
    moment = NOW - timedelta(days=days * (count + random.choice([0, 1, 5])), seconds=864)
    for index in range(count):
        moment += timedelta(days=days * random.choice([0.5, 1, 1.3]), seconds=random.randrange(0, 30))
        # A place in the archive, ascending with the backups.
        place = index * max(1, len(wal.names) // max(1, count)) if wal.names else 0
        backup = Backup(min(moment, NOW - timedelta(seconds=600 - index)).strftime("%Y%m%dT%H%M%S"))
        if any(backup.id == other.id for other in server.backups):
            continue
        make_backup(server, backup, min(place, max(0, len(wal.names) - 1)) if random.random() < 0.95 else place, wal, random, server.backups)
        server.backups.append(backup)
    os.makedirs(f"{root}/home/{server.name}", exist_ok=True)
    for backup in server.backups:
        write_backup(server, backup, root, random)
    write_wal(server, wal, root, random)
    if random.random() < 0.5:
        write(f"{root}/home/{server.name}/identity.json", f'{{\n    "systemid": "{SYSTEM_ID}",\n    "version": "17"\n}}\n')
    if server.backups and random.random() < 0.02:
        chosen = random.choice(server.backups)
        path = f"{root}/home/{server.name}/meta/{chosen.id}-backup.info"
        if os.path.exists(path):
            with open(path, "a") as file:
                file.write("a_key_of_tomorrow=1\n")
            server.traits.add("unknown-key")


def make_home(root, make_random):
    """Makes one home below `root`. `make_random` gives a fresh generator with the seed of this home each time."""
    random = make_random()
    home = Home(random.choice(ZONES))
    home.has_snapshots = random.random() < 0.2
    names = random.sample(SERVER_NAMES, random.choice([2, 3, 3, 4]))
    for name in names:
        kind = random.choice(["active", "active", "active", "inactive", "inactive", "passive", "disabled"])
        server = Server(name, kind)
        server_options(server, random)
        server.has_snapshots = home.has_snapshots
        home.servers.append(server)
    home.servers.sort(key=lambda server: server.name)
    os.makedirs(f"{root}/conf.d")
    write_primary(root)
    write(f"{root}/barman.conf", configuration(home, root))
    for server in home.servers:
        write_server(server, root, random)
    return home
