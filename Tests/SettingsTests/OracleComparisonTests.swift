import Failure
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Settings

/// Both programs on the same configuration: every option's text and JSON form, every warning, every refusal.
@Suite(
    .enabled(
        if: FilePath(Scratch.oracle).withPlatformString { access($0) },
        "the oracle is not installed: run scripts/bootstrap --tests"
    )
)
struct OracleComparisonTests {
    /// An inactive server `s` with these options, the program's section with those.
    static let optionCases: [(options: String, global: String)] = [
        ("", ""),
        (everyOption, ""),
        ("", everyInheritedOption),
        (nonsense, ""),
        ("", nonsense),
        (everyOption.replacing("compression = ", with: "compression = x"), everyInheritedOption),
        (emptied(everyOption), everyInheritedOption),
        (emptied(everyOption).replacing(" = \n", with: " = None\n"), ""),
        ("", emptied(everyInheritedOption)),
        ("archiver = y\nparallel_jobs = 1.5\nlast_backup_minimum_size = 10K\nlast_wal_maximum_age = 12month\n", ""),
        ("backup_options = concurrent_backup,\nrecovery_options = get-wal,x\nslot_name = a-b\n", ""),
        ("backup_options = external_configuration,exclusive_backup,concurrent_backup\n", ""),
        ("parallel_jobs = +1_0\nlast_backup_minimum_size = \"10 Ki \"\nlast_wal_maximum_age = \"  1 MONTH\"\n", ""),
        ("minimum_redundancy = x\nbandwidth_limit = y\ntablespace_bandwidth_limit = a:1 b c:x a:2\n", ""),
        ("minimum_redundancy = -3\nbandwidth_limit = 9\ntablespace_bandwidth_limit = a:0 b:9\n", ""),
        ("retention_policy = foo\nretention_policy_mode = AUTO\nwal_retention_policy = x\n", ""),
        ("retention_policy_mode = AUTO\nwal_retention_policy = x\n", ""),
        ("retention_policy = recovery  window of 2 week\nwal_retention_policy = MAIN\n", ""),
        (
            "name = x\nbarman_home = /x\nmodel = off\ndisabled = on\nkeepalive_internval = 3\n",
            "keepalive_interval = 9\n"
        ),
        ("basebackups_directory = ftp://x\nwals_directory = s3://\nstaging_path = rel\nsnapshot_disks = ,a\n", ""),
        ("description = 'a\ncluster = \"a'b\"\npath_prefix = \"x\" \"y\"\nssh_command = a\n  b\n\n  c\n", ""),
        ("description = %(cluster)s %%%%\ncluster = %%(path_prefix)s\npath_prefix = ü\n", ""),
        ("primary_ssh_command = \"ssh 'x\"\nbackup_directory = /a\nbasebackups_directory = /a/\n", ""),
    ]

    @Test(arguments: optionCases.indices)
    func `show-servers shows every option alike, and the warnings are the same`(index: Int) throws {
        let (options, global) = Self.optionCases[index]
        try compare("[s]\nactive = off\n" + options, global: global, json: true)
    }

    @Test(arguments: [
        "", "conninfo = foo\n", "conninfo = a=b\n", "conninfo = a=b\nssh_command = x\n",
        "conninfo = a=b\nssh_command = x\nbackup_compression = none\nbackup_options = exclusive_backup\n",
        "conninfo = a=b\nssh_command = x\nbackup_method = local-rsync\n", "backup_method = postgres\n",
        "conninfo = a=b\nbackup_method = postgres\nreuse_backup = link\nnetwork_compression = on\n"
            + "tablespace_bandwidth_limit = a:1\nbackup_options = exclusive_backup\n",
        "conninfo = a=b\nssh_command = x\nstreaming_archiver = on\n",
        "conninfo = a=b\nssh_command = x\nstreaming_archiver = on\nslot_name = s\nstreaming_conninfo =\n",
        "conninfo = a=b\nssh_command = x\nbackup_method = snapshot\nbandwidth_limit = 0\nreuse_backup = copy\n",
        "conninfo = a=b\nbackup_method = snapshot\n", "conninfo = a=b\nbackup_method = local-to-cloud\n",
        "primary_ssh_command = ssh x\n",
        "conninfo = a=b\nssh_command = x\nbackup_directory = /a\nwals_directory = /a\n",
    ])
    func `an active server is disabled for the same reasons`(options: String) throws {
        let text = "[s]\n" + options
        try compare(text)
        try World.with { world in
            let path = try configuration(world, text)
            let check = try world.run([Scratch.oracle, "-c", path, "check", "s"], environment: ["HOME": world.root])
            let theirs = check.lines.filter { $0.hasPrefix("\t\t") }.map { String($0.dropFirst(2)) }
            let ours = try Configuration.load(explicitPath: path, environment: [:], reporter: SilentReporter())
                .servers(reporter: SilentReporter())["s"]?.messages
            #expect(ours == theirs, "\(check)")
        }
    }

    @Test(arguments: [
        "x = 1\n", "[s]\nfoo\n = x\n[]\n", "[s]\na = 5%\n", "[s]\na = %%x\n", "[s]\na = %(b)s\n", "[s]\nfoo = %%(b)s\n",
        "[s]\na = %(a)s\n", "[all]\n", "[m]\nmodel = on\n", "[m]\nmodel = x\n", "[s]\nactive = off\n a = 1\n",
        "[a]\nactive = off\nwals_directory = /w\n[b]\nactive = off\nerrors_directory = /w/\n",
        "[a]\nactive = off\n[B]\nactive = off\n[é]\nactive = off\n[10]\nactive = off\n[9]\nactive = off\n",
        "[m]\nmodel = true\ncluster = c\nfoo = 1\nbackup_directory = /x\npre_backup_script = x\narchiver = q\n",
        "[DEFAULT]\nfoo = 1\ncompression = lz4\n[s]\nactive = off\n[t]\nactive = off\ncompression = zstd\n",
        "[s]\r\nactive = off\r\ndescription = a\r\n  b\r\n", "\u{FEFF}[s]\n",
        "[s]\nactive = off\ndescription = a\u{85}\n",
        "[ s ] x ] y\nactive = off\n[t]\nactive = off\n[t]\ndescription = again\n", "[s",
    ])
    func `sections are read and refused alike`(text: String) throws {
        // In front of the program's section, so that nothing before it hides what is wrong.
        try compare(text, inFront: !text.hasPrefix("[s]\nactive"))
    }

    // MARK: Comparing

    private func compare(_ text: String, global: String = "", inFront: Bool = false, json: Bool = false) throws {
        try World.with { world in
            let path = try configuration(world, text, global: global, inFront: inFront)
            for arguments in [["show-servers", "all"]] + (json ? [["-f", "json", "show-servers", "all"]] : []) {
                let theirs = try world.run(
                    [Scratch.oracle, "-c", path] + arguments,
                    environment: ["HOME": world.root, "PYTHONHASHSEED": "0"]
                )
                let ours = Answer(path: path)
                if arguments.first == "-f" {
                    guard !ours.failed, let json = try? JSONValue(parsing: theirs.out) else { continue }
                    compareJSON(ours, json, theirs)
                } else {
                    #expect(ours.messages.sorted() == Self.messages(theirs).sorted(), "\(theirs)")
                    #expect(ours.lines == Self.optionLines(theirs), "\(theirs)")
                    #expect(ours.status == theirs.status, "\(theirs)")
                }
            }
        }
    }

    private func compareJSON(_ ours: Answer, _ json: JSONValue, _ theirs: Outcome) {
        for server in ours.servers {
            for option in ServerOption.reference where option != .description {
                guard let value = json[server.name]?[option.name] else {
                    Issue.record("no \(option.name) of \(server.name): \(theirs)")
                    continue
                }
                #expect(server.jsonValue(of: option) == Self.withoutAge(value, option), "\(option.name)")
            }
        }
    }

    private func configuration(
        _ world: World,
        _ text: String,
        global: String = "",
        inFront: Bool = false
    ) throws -> String {
        let barman = """
            [barman]
            barman_home = \(try world.makeDirectory("home"))
            barman_user = \(Account.me.name)
            log_file = \(world.path("barman.log"))
            \(global)

            """
        return try world.write(inFront ? text + "\n" + barman : barman + text, to: "barman.conf")
    }

    /// The lines about options; those about live values are not ours, and the age of a backup is not configured.
    private static func optionLines(_ outcome: Outcome) -> [String] {
        outcome.lines.compactMap { line in
            guard line.hasPrefix("\t"), let colon = line.firstIndex(of: ":") else { return nil }
            let name = String(line[..<colon].dropFirst())
            guard let option = ServerOption(name: name) else { return nil }
            guard option == .lastBackupMaximumAge, let bracket = line.firstIndex(of: "(") else { return line }
            return String(line[..<bracket].dropLast())
        }
    }

    private static func withoutAge(_ value: JSONValue, _ option: ServerOption) -> JSONValue {
        guard option == .lastBackupMaximumAge, let text = value.stringValue, let bracket = text.firstIndex(of: "(")
        else {
            return value
        }
        return .string(String(text[..<bracket].dropLast()))
    }

    /// What the oracle says before it logs anything: without a log there is a traceback after the message.
    private static func messages(_ outcome: Outcome) -> [String] {
        var messages: [String] = []
        for line in outcome.err.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "See log file for more details." { break }
            if !line.isEmpty, !line.hasPrefix("20") { messages.append(String(line)) }
        }
        return messages
    }
}

/// What our program would say to `show-servers all`.
private struct Answer {
    var servers: [ServerSettings] = []
    var messages: [String] = []
    var lines: [String] = []
    var failed = false
    var status: Int32 = 0

    init(path: String) {
        let recorder = Recorder()
        do {
            let configuration = try Configuration.load(explicitPath: path, environment: [:], reporter: recorder)
            let list = try configuration.servers(reporter: recorder)
            for error in list.globalErrors { recorder.error(error) }
            if list.globalErrors.isEmpty { servers = list.servers }
        } catch {
            failed = true
            if error.kind == .plain { recorder.show(error.message) } else { recorder.report(error) }
        }
        for server in servers {
            for message in server.loadMessages { message.deliver(to: recorder) }
            let options = ServerOption.reference.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            for option in options {
                let text = "\t\(option.name): \(server.consoleText(of: option))"
                lines += text.split(separator: "\n", omittingEmptySubsequences: false).filter { $0.hasPrefix("\t") }
                    .map(String.init)
            }
        }
        for line in recorder.told {
            let kinds = ["warning: ": "WARNING: ", "error: ": "ERROR: ", "exception: ": "EXCEPTION: ", "show: ": ""]
            for (kind, prefix) in kinds where line.hasPrefix(kind) {
                messages += (prefix + line.dropFirst(kind.count)).split(separator: "\n").map(String.init)
            }
        }
        status = failed || messages.contains { $0.hasPrefix("ERROR: ") } ? 1 : 0
    }
}

/// Whether there is a program of that name.
private func access(_ path: UnsafePointer<CInterop.PlatformChar>) -> Bool {
    (try? FileDescriptor.open(path, .readOnly).close()) != nil
}

/// Options with their values on lines of their own, without the values.
private func emptied(_ text: String) -> String {
    let kept = [
        "backup_directory", "wals_directory", "basebackups_directory", "minimum_redundancy", "xlogdb_directory",
    ]
    return text.split(separator: "\n").compactMap { line in
        let name = line.prefix { $0 != " " }
        let isDirectory = name.hasSuffix("_directory") && name != "cloud_staging_directory"
        return kept.contains(String(name)) || isDirectory ? nil : "\(name) = \n"
    }.joined()
}

/// A value that is none of the words, numbers and paths of any type.
private let nonsense = ServerOption.reference.filter { $0 != .active }.map { "\($0.name) = Foo\n" }.joined()

/// A value for every option that `[barman]` gives to servers.
private let everyInheritedOption = ServerOption.reference.filter { $0.specification.scope.contains(.global) }
    .map { "\($0.name) = \(sample(of: $0, 0))\n" }.joined()

/// A value for every option of a server, another one than the inherited.
private let everyOption = ServerOption.reference.filter {
    $0.specification.scope.contains(.server) && $0 != .active
}
.map { "\($0.name) = \(sample(of: $0, 1))\n" }.joined()

/// A sound value for an option.
private func sample(of option: ServerOption, _ variant: Int) -> String {
    switch option.specification.type {
    case .string where option == .retentionPolicyMode: "auto"
    case .string where option == .walRetentionPolicy: "main"
    case .string where option.name.hasSuffix("conninfo"): "host=h\(variant) user=u"
    case .string where option.name.hasSuffix("_directory"): "/d\(variant)/\(option.name)"
    case .string: ["plain text", "\"quoted 'text'\""][variant]
    case .boolean: ["on", "F"][variant]
    case .integer: ["7", "-12"][variant]
    case .lateInteger: ["4", "6"][variant]
    case .size: ["3k", "5 Gi"][variant]
    case .interval: ["25 HOURS", "3 weeks"][variant]
    case .choice(let words, let isExact, _): isExact ? words[variant] : words[variant].uppercased()
    case .compressionLevel: ["HIGH", "22"][variant]
    case .encryption: ["gpg", "GPG"][variant]
    case .words(let words, _, _): words[variant].uppercased()
    case .slotName: ["Slot_0", "slot_1"][variant]
    case .absolutePath: "/p\(variant)"
    case .directoryOrURL: "/d\(variant)/\(option.name)"
    case .disks: ["a, b", "c"][variant]
    case .tablespaceRates: ["a:1 b:2", "c:3"][variant]
    case .retentionPolicy: ["redundancy 2", "recovery window of 2 months"][variant]
    }
}
