"""What may differ between two answers. Each rule names its entry in `docs/differences.md`, or why no two runs agree on it."""

import json
import re

DURATION = r"(?:(?:\d+ (?:day|hour|minute|second)s?(?:, )?)+|less than one second)"


def without_moments(text):
    """Ages and elapsed times grow between the two runs."""
    text = re.sub(rf"(latest (?:backup|wal) age: ){DURATION}", r"\1AGE", text)
    text = re.sub(rf"(latest backup: |WARNING! latest backup is ){DURATION}", r"\1AGE", text)
    text = re.sub(rf"(Deleted backup \S+ \(start time: )[^,]*, elapsed time: {DURATION}", r"\1AGE", text)
    return text


def with_sorted_errors(text):
    """The counts of `archiver errors` stand in the order of directory entries (reference, section 4, row 37)."""
    kind = r"(?:not relevant|duplicates|unknown failure|unknown): \d+"
    return re.sub(rf"{kind}(?:, {kind})+", lambda found: ", ".join(sorted(found.group().split(", "))), text)


def sorted_paths(text, is_json):
    """The order of subdirectories is that of the file system, which differs between two copies."""
    if is_json:
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        if isinstance(answer.get("_INFO"), list):
            answer["_INFO"].sort()
        return json.dumps(answer)
    return "\n".join(sorted(text.split("\n")))


def without_dump(text, is_json):
    """Entry: `delete` refused."""
    if is_json:
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        for key in ("_ERROR", "_WARNING"):
            answer[key] = [re.sub(r"Cannot delete backup \(.*", "Cannot delete backup (", line, flags=re.S) for line in answer.get(key, [])]
        return json.dumps(answer)
    return re.sub(r"Cannot delete backup \([^\n]*", "Cannot delete backup (", text)


def masked(text):
    """Entry: passwords in JSON output and in the log."""
    return re.sub(r"password=(?!\*REDACTED)[^ \"']+", "password=*REDACTED*", text)


def with_line_ends(text):
    """Entry: a password at the end of a value."""
    return text.replace("*REDACTED*\t", "*REDACTED*\n\t")


def without_inactive_rows(answer, inactive, is_json):
    """Entry: `check SERVER` on an inactive server. What we say more about one is dropped from both."""
    if is_json:
        try:
            value = json.loads(answer)
        except ValueError:
            return answer
        for name in inactive:
            value.pop(name, None)
        return json.dumps(value)
    lines, kept = answer.split("\n"), []
    dropping = False
    for line in lines:
        if line.startswith("Server ") and line.endswith(":"):
            dropping = line.endswith(" (inactive):")
        if not dropping or line == "":
            kept.append(line)
    return "\n".join(kept)


def usage(text):
    """The wording of the usage block and of lists of choices is the argument parser's (reference, 1.1)."""
    last = text.rstrip("\n").split("\n")[-1]
    return re.sub(r" \(choose from .*\)$", "", last)


class Answer:
    """Standard output, standard error and exit status, made comparable."""

    def __init__(self, question, home, side, out, err, status):
        self.raw_out, self.raw_err, self.status, self.raw_status = out, err, status, status
        self.home = home
        is_json = question.format == "json" or "json" in question.words
        out, err = (without_moments(text.replace(side, "/ROOT")) for text in (out, err))
        command = question.command
        if command == "check":
            out = with_sorted_errors(out)
        if command in ("list-files",):
            out = sorted_paths(out, is_json)
        if command == "cron" and any(server.kind == "passive" for server in home.servers):
            # Entry: `cron` on a passive node.
            err = "".join(line for line in err.splitlines(True) if "Failed to retrieve the primary node status" not in line)
            self.status = None
        if command == "cron":
            # Orphans are told in the order of directory entries.
            # Entry: commands whose feature is not there yet.
            out = "".join(line for line in out.splitlines(True) if not line.startswith("Starting streaming archiver for server "))
            lines = re.split(r"(?=^(?:WARNING|ERROR|EXCEPTION): )", err, flags=re.M)
            err = "".join(sorted(lines))
        if command == "delete" or command == "cron":
            out, err = without_dump(out, is_json), without_dump(err, False)
        if command.startswith(("show-server", "diagnose")):
            out = masked(out) if is_json else with_line_ends(out)
        if status == 2 and "error: " in err:
            err = usage(err)
        if "-h" in question.words or not question.words:
            # Help texts are not relied on (reference, 1.1).
            out = out.split("\n")[0][:20]
        inactive = [server.name for server in home.servers if server.kind == "inactive" or server.options.get("active")]
        if command == "check" and "all" in question.words and inactive:
            if "--nagios" in question.words:
                # The summary counts and names inactive servers with failed checks, which are not the same ones.
                out = "\n".join(sorted(line for line in out.split("\n")[1:] if not any(line.startswith(f"{name}.") for name in inactive)))
                self.status = None
            else:
                out = without_inactive_rows(out, inactive, is_json)
                self.status = None if status in (0, 1) else status
        if command == "check" and "--nagios" in question.words and "json" in question.words:
            out = out.removeprefix("{}")
        self.out, self.err = out, err

    def differs_from(self, other):
        return [name for name in ("status", "out", "err") if getattr(self, name) != getattr(other, name)]


def known_defect(question, oracle, ours):
    """The title of the entry in `docs/differences.md` that explains this pair, or nothing."""
    for title, matches in KNOWN:
        if matches(question, oracle, ours):
            return title
    return None


def says(text):
    return lambda question, oracle, ours: text in oracle.err or text in oracle.out


def needs_rebuild(question, oracle, ours):
    return question.command == "check" and "WAL archive: FAILED" in oracle.out or '"wal_archive": {"hint"' in oracle.out


KNOWN = [
    ("an unknown key in a backup.info", lambda question, oracle, ours: "Unsupported field" in oracle.raw_err + oracle.raw_out
     or question.command == "check" and oracle.home.has("unknown-key")),
    ("`check` of a server whose `xlog.db` is missing", needs_rebuild),
    ("`check` of a local-rsync server that can not be reached", says("EXCEPTION: \nSee log")),
    ("`check` of a local-rsync server that can not be reached", says('"_EXCEPTION": ["\\nSee log')),
    ("a damaged line in `xlog.db`", lambda question, oracle, ours: question.command == "check" and "BadXlogSegmentName" in ours.raw_out + ours.raw_err),
    ("a damaged line in `xlog.db`", lambda question, oracle, ours: question.command == "check" and oracle.home.has("xlogdb-damaged")),
    ("`list-backups --minimal` with a damaged line in `xlog.db`",
     lambda question, oracle, ours: "--minimal" in question.words and "BadXlogSegmentName" in oracle.raw_out + oracle.raw_err),
    ("`list-files` of a backup without begin_wal", says("expected str, bytes or os.PathLike object, not NoneType")),
]


def may_differ(path, values, home):
    """Entry: `check` of a server whose `xlog.db` is missing (the two programs rebuild it in different commands)."""
    if (home.has("xlogdb-damaged") or home.has("unknown-key")) and path.endswith(("/base", "/meta", "/errors", "/incoming", "/streaming", "/wals")):
        # `check` of the oracle ends at such a list, and makes no directories for the servers after it.
        return None in values and "directory" in values
    for server in home.servers:
        if server.traits & {"xlogdb-missing", "xlogdb-old"} and path in (f"{server.name}/wals/{server.name}-xlog.db", f"{server.name}/wals/xlog.db"):
            return None in values
    return False
