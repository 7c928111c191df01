#!/usr/bin/env python3
"""Write a Barman home with many backups and a long list of WAL, to measure how reports grow.

Usage: make-catalog.py HOME SERVER BACKUPS WAL_LINES

HOME gets `barman.conf` and one server. No base backup and no WAL file is made, only what is known of them: records in `meta/` and
`wals/SERVER-xlog.db`. The same arguments always give the same bytes.
"""

import os
import sys
from datetime import datetime, timedelta, timezone

SEGMENT = 16 * 1024 * 1024
START = datetime(2024, 1, 1, 2, 0, 0, tzinfo=timezone.utc)

CONFIGURATION = """\
[barman]
barman_home = {home}
barman_user = {user}
log_file = {home}/barman.log
log_level = INFO

[{server}]
description = A long history
active = true
backup_method = rsync
ssh_command = ssh postgres@nowhere.invalid
conninfo = host=nowhere.invalid user=barman dbname=postgres connect_timeout=1
archiver = on
compression = gzip
retention_policy = RECOVERY WINDOW OF 4 WEEKS
minimum_redundancy = 1
"""

RECORD = """\
backup_label='START WAL LOCATION: {lsn} (file {wal})\\nCHECKPOINT LOCATION: {lsn}\\nBACKUP METHOD: streamed\\nBACKUP FROM: primary\\nSTART TIME: {label_time} UTC\\nLABEL: Barman backup {server} {id}\\nSTART TIMELINE: 1\\n'
begin_offset=40
begin_time={begin}
begin_wal={wal}
begin_xlog={lsn}
children_backup_ids=None
cluster_size=41500123
compression=None
config_file=/srv/pg/postgresql.conf
copy_stats={{'total_time': 75.412907, 'number_of_workers': 2, 'analysis_time_per_item': {{'fast': 0.201144, 'pgdata': 0.310221}}, 'copy_time_per_item': {{'fast': 0.110993, 'pgdata': 71.901201, 'pg_control': 0.130442}}, 'serialized_copy_time_per_item': {{'fast': 0.110993, 'pgdata': 142.511009, 'pg_control': 0.130442}}, 'analysis_time': 0.511365, 'copy_time': 72.142636, 'serialized_copy_time': 142.752444}}
data_checksums=on
deduplicated_size={unique}
encryption=None
end_offset=344
end_time={end}
end_wal={end_wal}
end_xlog={end_lsn}
error=None
hba_file=/srv/pg/pg_hba.conf
ident_file=/srv/pg/pg_ident.conf
included_files=['/srv/pg/postgresql.auto.conf']
mode=rsync-concurrent
parent_backup_id=None
pgdata=/srv/pg
server_name={server}
size={size}
status=DONE
summarize_wal=off
systemid=7456012345678901234
tablespaces=[('fast', 16387, '/ssd/fast')]
timeline=1
version=170004
xlog_segment_size=16777216
"""


def wal_name(number):
    return f"00000001{number // 256:08X}{number % 256:08X}"


def lsn(number, offset):
    position = number * SEGMENT + offset
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    home, server = os.path.abspath(sys.argv[1]), sys.argv[2]
    backups, lines = int(sys.argv[3]), int(sys.argv[4])
    root = os.path.join(home, server)
    for name in ("base", "errors", "incoming", "meta", "streaming", "wals"):
        os.makedirs(os.path.join(root, name), exist_ok=True)

    user = os.environ.get("BARMAN_USER") or __import__("pwd").getpwuid(os.getuid()).pw_name
    with open(os.path.join(home, "barman.conf"), "w") as file:
        file.write(CONFIGURATION.format(home=home, server=server, user=user))

    with open(os.path.join(root, "wals", f"{server}-xlog.db"), "w") as file:
        for index in range(lines):
            # Sizes and times vary as those of real archives do; times are doubles of nanoseconds.
            size = 3_000_000 + index * 7919 % 2_000_000
            time = 1704074400 + index * 60 + (index * 104729 % 1_000_000_000) * 1e-9
            file.write(f"{wal_name(index + 1)}\t{size}\t{time!r}\tgzip\tNone\n")

    step = max(3, lines // max(1, backups))
    for index in range(backups):
        begin = START + timedelta(hours=6 * index, microseconds=123456)
        first = 1 + index * step
        identifier = f"{begin:%Y%m%dT%H%M%S}"
        record = RECORD.format(
            server=server,
            id=identifier,
            label_time=f"{begin:%Y-%m-%d %H:%M:%S}",
            wal=wal_name(first),
            lsn=lsn(first, 40),
            begin=begin,
            end=begin + timedelta(minutes=5, microseconds=1),
            end_wal=wal_name(first + 2),
            end_lsn=lsn(first + 2, 344),
            size=41_222_333 + index * 1000,
            unique=1_203_344 + index * 10,
        )
        os.makedirs(os.path.join(root, "base", identifier, "data"), exist_ok=True)
        with open(os.path.join(root, "meta", f"{identifier}-backup.info"), "w") as file:
            file.write(record)


if __name__ == "__main__":
    main()
