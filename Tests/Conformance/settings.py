"""Random configurations, valid and invalid, for the commands that report what was understood."""

import os

import catalog
from questions import Question

NAMES = ["pg", "main", "a.b", "two words", "größe", "日本", "UPPER", "x-1", "semi;colon", "0", "[odd", "per%cent"]
WORDS = {
    "boolean": ["on", "off", "true", "False", "1", "0", "yes", "NO", "maybe", "", "2", "on ", "ja"],
    "integer": ["0", "1", "42", "-1", "007", "1_000", "+5", " 12 ", "1.5", "x", "", "٣", "0x10", "1e3"],
    "size": ["0", "1", "10k", "10 k", "5Ki", "1M", "2Gi", "3T", "1.5G", "-1", "10kb", "M", "", "7 Mi", "１", "٣ Gi", "²k"],
    "interval": ["1 DAY", "2 days", "3 WEEKS", "1 month", "12 HOURS", "5 minutes", "1 fortnight", "DAY", "0 DAYS", "-1 DAY", "", "1  day", "1d", "٣ DAYS", "2\u00a0weeks", "1 DAYſ"],
    "text": ["plain", "with blanks inside", "größe 🐘", "a=b", "semi ; colon", "hash # tag", "'quoted'", '"double"', "%%", "", "x" * 300, "tab\there"],
    "path": ["/nonexistent/a", "/nonexistent/b c", "/nonexistent/größe", "/nonexistent/../x"],
}
OPTIONS = {
    "active": "boolean", "archiver": "boolean", "streaming_archiver": "boolean", "immediate_checkpoint": "boolean", "network_compression": "boolean",
    "autogenerate_manifest": "boolean", "forward_config_path": "boolean", "worm_mode": "boolean", "archiver_batch_size": "integer",
    "streaming_archiver_batch_size": "integer", "parallel_jobs": "integer", "parallel_jobs_start_batch_size": "integer", "check_timeout": "integer",
    "basebackup_retry_times": "integer", "basebackup_retry_sleep": "integer", "bandwidth_limit": "integer", "max_incoming_wals_queue": "integer",
    "keepalive_interval": "integer", "primary_checkpoint_timeout": "integer", "minimum_redundancy": "integer", "backup_compression_level": "integer",
    "backup_compression_workers": "integer", "last_backup_maximum_age": "interval", "last_wal_maximum_age": "interval",
    "last_backup_minimum_size": "size", "cloud_upload_max_archive_size": "size", "description": "text", "cluster": "text", "pre_backup_script": "text",
    "post_archive_retry_script": "text", "custom_compression_filter": "text", "path_prefix": "text", "encryption_key_id": "text",
    "incoming_wals_directory": "path", "wals_directory": "path", "backup_directory": "path", "errors_directory": "path",
}
CHOICES = {
    "backup_method": ["rsync", "postgres", "local-rsync", "Rsync", "tar", "snapshot"],
    "backup_options": ["concurrent_backup", "exclusive_backup", "external_configuration", "concurrent_backup, external_configuration",
                       "concurrent_backup,exclusive_backup", "none", "Concurrent_Backup"],
    "recovery_options": ["get-wal", "no-get-wal", "get-wal, delta-restore", "nothing"],
    "reuse_backup": ["copy", "link", "off", "LINK", "move"], "create_slot": ["auto", "manual", "never"],
    "compression": ["gzip", "bzip2", "GZIP", "none", "zip", "custom", "zstd"], "compression_level": ["low", "medium", "high", "5", "-3", "top", "+5", "1_0", "²", "-٣", "--3"],
    "backup_compression": ["gzip", "lz4", "zstd", "none", "rar"], "backup_compression_format": ["plain", "tar", "cpio"],
    "backup_compression_location": ["client", "server", "moon"], "encryption": ["gpg", "none", "pgp"], "staging_location": ["local", "remote", "Local"],
    "combine_mode": ["copy", "link", "clone", "copy-file-range", "melt"], "slot_name": ["barman", "Barman Slot", "größe", "a" * 70],
    "retention_policy": ["REDUNDANCY 2", "redundancy 2", "RECOVERY WINDOW OF 3 DAYS", "RECOVERY WINDOW OF 0 DAYS", "REDUNDANCY", "3", "",
                         "REDUNDANCY ٣", "RECOVERY WINDOW OF １ WEEKſ"],
    "wal_retention_policy": ["main", "simple-wal 5", "MAIN"], "retention_policy_mode": ["auto", "manual"],
    "tablespace_bandwidth_limit": ["a:4", "a:4 b:6", "a:x", "a", "a:4, b:6"], "ssh_command": ["ssh pg@host", "false"],
    "conninfo": ["host=127.0.0.1 port=1", "host=127.0.0.1 port=1 password='a b'", "nonsense", "postgresql://u:secret@127.0.0.1:1/x", ""],
    "streaming_conninfo": ["host=127.0.0.1 port=1", "what"], "primary_ssh_command": ["ssh primary"],
    "no_such_option": ["x"], "barman_home": ["/elsewhere"], "log_level": ["DEBUG"], "model": ["off", "perhaps"],
}
# Listed differences of their own: a directory, a late number or a command without a text.
NEVER_EMPTY = {"incoming_wals_directory", "wals_directory", "backup_directory", "errors_directory", "minimum_redundancy", "ssh_command", "cluster"}


def option(random):
    name = random.choice(list(OPTIONS) * 2 + list(CHOICES) * 2)
    value = random.choice(WORDS[OPTIONS[name]] if name in OPTIONS else CHOICES[name])
    if name in NEVER_EMPTY and not value.strip():
        value = "1"
    return name, value


def line(name, value, random):
    """One of the ways to write an option."""
    value = value.replace("%", "%%%%") if "%(" not in value and "%%" not in value else value
    form = random.random()
    if form < 0.7:
        return f"{name} = {value}"
    if form < 0.8:
        return f"{name}={value}"
    if form < 0.87:
        return f"{name} : {value}"
    if form < 0.92:
        return f"{name.upper()} = {value}"
    if form < 0.96:
        return f"; a comment\n{name}   =   {value}   \n# another"
    return f"{name} = {value}\n    continued" if name == "description" else f"{name} = {value}"


def section(name, random, is_model=False):
    lines = [f"[{name}]"]
    seen = set()
    if is_model:
        lines += ["model = on"] + ([f"cluster = {random.choice(NAMES[:3])}"] if random.random() < 0.95 else [])
        seen |= {"model", "cluster"}
    elif random.random() < 0.85:
        lines += ["conninfo = host=127.0.0.1 port=1 user=barman", "backup_method = rsync", "ssh_command = false"]
        seen |= {"conninfo", "backup_method", "ssh_command"}
        if random.random() < 0.8:
            lines += ["archiver = on", "backup_options = concurrent_backup"]
            seen |= {"archiver", "backup_options"}
    for _ in range(random.randrange(0, 9)):
        key, value = option(random)
        if key in seen and random.random() < 0.98:
            continue
        seen.add(key)
        lines.append(line(key, value, random))
    if random.random() < 0.05:
        lines.append("description = %(cluster)s of %(barman_home)s")
    if random.random() < 0.01:
        lines.append("a line without any separator")
    return "\n".join(lines) + "\n\n"


def make_home(root, make_random):
    """Files below `root`; the same seed gives the same files."""
    random = make_random()
    home = catalog.Home(random.choice(catalog.ZONES))
    names = random.sample(NAMES, random.randrange(1, 5))
    texts = [section(name, random) for name in names]
    texts += [section(f"model:{name}", random, is_model=True) for name in random.sample(NAMES, random.choice([0, 0, 1, 2]))]
    barman = [f"[barman]\nbarman_home = {root}/home\nbarman_user = {catalog.USER}\nlog_file = {root}/barman.log\n"
              f"configuration_files_directory = {root}/conf.d\n"]
    for _ in range(random.choice([0, 0, 1, 3])):
        name, value = option(random)
        if name not in ("barman_home", "log_level", "model", "active") and f"\n{name} " not in barman[0].lower():
            barman.append(line(name, value, random) + "\n")
    os.makedirs(f"{root}/conf.d")
    os.makedirs(f"{root}/home")
    main, included = texts, []
    if random.random() < 0.5:
        main, included = texts[:1], texts[1:]
    ending = random.choice(["\n"] * 9 + ["\r\n"])
    mark = random.choice([""] * 30 + ["\ufeff"])
    catalog.write(f"{root}/barman.conf", mark + ("".join(barman) + "\n" + "".join(main)).replace("\n", ending))
    for index, text in enumerate(included):
        catalog.write(f"{root}/conf.d/{index}{random.choice(['.conf', '.conf', '.conf', '.txt', '.CONF'])}", text)
    if random.random() < 0.2:
        catalog.write(f"{root}/home/.barman.auto.conf", section(random.choice(names), random))
    if random.random() < 0.02:
        catalog.write(f"{root}/conf.d/zz.conf", "[barman]\nbarman_home = /elsewhere\n")
    for name in names:
        if random.random() < 0.15:
            catalog.write(f"{root}/home/{name}/.active-model.auto", f"model:{random.choice(NAMES)}")
    home.servers = []
    home.names = names
    return home


def questions(home, random):
    count = len(home.names)
    return [
        Question(["list-servers"], count), Question(["show-servers", "all"], count),
        random.choice([Question(["-f", "json", "show-servers", "all"], count, "json"), Question(["-f", "json", "list-servers"], count, "json")]),
        Question(["diagnose"] + random.choice([[], ["--show-config-source"]]), count),
    ]
