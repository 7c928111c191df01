"""What is asked about a home: commands that only report, and turns of commands that change it."""

TARGETS = ["data", "standalone", "wal", "full"]
WORDS = ["latest", "last", "oldest", "first", "last-failed", "latest-full", "last-full", "weekly", "first one", "it's", 'say "hi"', "ünï", "🐘",
         "nosuch", "20200101T000000", "auto", "parent", "x" * 80, "%s %d", "../../etc", "20240101"]
WRONG = [
    ["nosuch"], [], ["list-backups"], ["show-backup"], ["show-backup", "{s}"], ["list-files", "--target", "foo", "{s}", "latest"],
    ["list-servers", "extra"], ["list-servers", "-q"], ["keep", "{s}", "latest"], ["keep", "--target", "foo", "{s}", "latest"],
    ["check", "--check-timeout", "-1", "{s}"], ["check-wal-archive", "--timeline", "0", "{s}"], ["check-wal-archive", "--timeline", "x", "{s}"],
    ["check-wal-archive", "all"], ["show-backup", "all", "latest"], ["list-backups", "all", "{s}"], ["status", "nosuch"], ["status", "nosuch", "{s}"],
    ["list-backups", "nosuch", "{s}"], ["check", "nosuch"], ["check", "--nagios", "nosuch"], ["show-servers", "nosuch"], ["delete", "nosuch", "latest"],
    ["delete", "{s}"], ["rebuild-xlogdb"], ["rebuild-xlogdb", "nosuch"], ["check-backup", "{s}"], ["list-files", "--no-such", "{s}", "latest"],
    ["backup", "--jobs", "0", "{s}"], ["backup", "--name", "latest", "{s}"], ["backup", "--name", "", "{s}"], ["keep", "-s", "nosuch", "latest"],
    ["--color", "sometimes", "list-servers"], ["--log-level", "info", "list-servers"], ["-f", "xml", "list-servers"],
    ["list-backups", "--mini", "{s}"], ["list-backups", "--", "{s}"], ["list-backups", "{s}", "{s}"], ["list-files", "--tar=data", "{s}", "oldest"],
    ["-q", "list-backups", "{s}"], ["-q", "-f", "json", "list-backups", "{s}"], ["-d", "list-backups", "{s}"], ["show-backups", "{s}", "latest"],
    ["--color", "always", "check", "nosuch"], ["list-backups", "-h", "-x"],
    # Not the empty identifier: the reference takes it for `last-failed` (a listed difference).
]


class Question:
    """One command line; `answers` counts the servers it speaks of."""

    def __init__(self, words, answers=1, format="console"):
        self.words = words
        self.answers = answers
        self.format = format

    @property
    def command(self):
        for word in self.words:
            if not word.startswith("-") and word not in ("json", "console", "always", "xml", "sometimes", "info"):
                return word
        return ""


def both(words, answers=1):
    return [Question(words, answers), Question(["-f", "json"] + words, answers, "json")]


def reports(home, random, is_few=False):
    """The commands that only report. What is asked of every server is asked of all at once: one start, many answers."""
    asked = all_reports(home, random)
    if not is_few:
        return asked
    broad = [question for question in asked if question.answers > 1]
    narrow = [question for question in asked if question.answers == 1]
    return random.sample(broad, min(8, len(broad))) + random.sample(narrow, min(9, len(narrow)))


def all_reports(home, random):
    count = len(home.servers)
    asked = both(["list-servers"], count) + [Question(["list-servers", "--minimal"], count)]
    for words in (["list-backups", "all"], ["status", "all"], ["show-servers", "all"], ["check", "all"]):
        asked += both(words, count)
    minimal = random.sample(both(["list-backups", "--minimal", "all"], count), 1)
    # It moves these in the reference (a listed difference).
    asked += [] if home.has("legacy-keep") else minimal
    asked.append(Question(["check", "--nagios", "all"], count))
    asked.append(Question(["diagnose"] + random.choice([[], ["--show-config-source"]]), count))
    for server in home.servers:
        name = server.name
        chosen = random.sample(server.backups, min(4, len(server.backups)))
        identifiers = [backup.id for backup in chosen]
        for identifier in identifiers:
            asked += both(["show-backup", name, identifier])
        for word in random.sample(WORDS, 2):
            asked += random.sample(both(["show-backup", name, word]), 1)
        for identifier in identifiers[:2] + ["latest"][: 1 if not identifiers else 0]:
            words = ["list-files", "--target", random.choice(TARGETS)] + random.choice([[], ["--list-empty-directories"]])
            asked += random.sample(both(words + [name, identifier]), 1)
        asked += random.sample(both(["keep", "-s", name, random.choice(identifiers + ["oldest", "last-failed"])]), 1)
        timeline = random.choice([[], ["--timeline", str(random.randrange(1, 5))]])
        asked += random.sample(both(["check-wal-archive"] + timeline + [name]), 1)
    for words in random.sample(WRONG, 4):
        words = [random.choice(home.servers).name if word == "{s}" else word for word in words]
        asked.append(Question(words))
    return asked


def changes(home, random, is_few=False):
    """One turn of commands that change the home, in an order of their own."""
    turn = []
    if home.has_snapshots:
        return turn
    for server in home.servers:
        name = server.name
        identifiers = [backup.id for backup in server.backups]
        for _ in range(random.randrange(2, 5) if identifiers else 1):
            one = random.choice(identifiers + ["oldest", "latest"])
            words = random.choice([
                ["delete", name, one], ["delete", name, one], ["delete", name, random.choice(["oldest", "latest", "last-failed", "weekly"])],
                ["keep", "--target", random.choice(["full", "standalone"]), name, one], ["keep", "--release", name, one],
                ["rebuild-xlogdb", name], ["check-backup", name, one],
            ])
            turn.append(Question((["-f", "json"] if random.random() < 0.2 else []) + words))
    random.shuffle(turn)
    if is_few:
        turn = turn[:5]
    if not home.has("unknown-key"):
        # With such a record `cron` of the reference ends before the turn of the servers after it.
        turn.append(Question(["cron"], len(home.servers)))
    turn.append(Question(["list-backups", "all"], len(home.servers)))
    if random.random() < (0.2 if is_few else 0.5):
        turn.append(Question(["rebuild-xlogdb", "all"], len(home.servers)))
    return turn
