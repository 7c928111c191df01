import Testing

@testable import Settings

@Suite struct OptionParserTests {
    @Test(
        arguments: [
            (ServerOption.archiver, "T", .boolean(true)), (.archiver, "yes", .boolean(true)),
            (.archiver, "OFF", .boolean(false)), (.parallelJobs, " +1_0 ", .integer(10)),
            (.checkTimeout, "-5", .integer(-5)), (.lastBackupMinimumSize, "10 Ki ", .size(10_240)),
            (.lastBackupMinimumSize, "3M", .size(3_000_000)), (.lastBackupMinimumSize, "1٣ Ki", .size(13_312)),
            (.lastWalMaximumAge, "１ dayſ", .interval(seconds: 86_400)), (.parallelJobs, "٣", .integer(3)),
            (.lastWalMaximumAge, "2 Weeks", .interval(seconds: 1_209_600)),
            (.lastWalMaximumAge, " 1  MONTH", .interval(seconds: 2_678_400)),
            (.lastWalMaximumAge, "0 hours", .interval(seconds: 0)),
            (.backupMethod, "Local-Rsync", .string("local-rsync")),
            (.compressionLevel, "HIGH", .string("high")), (.compressionLevel, "-3", .integer(-3)),
            (.compressionLevel, "-٣", .integer(-3)),
            (.slotName, "Abc_1", .string("abc_1")), (.snapshotDisks, "a, b", .list(["a", " b"])),
            (.recoveryOptions, "Delta-Restore , get-wal", .words(["get-wal", "delta-restore"])),
            (.recoveryOptions, "", .words([])), (.stagingPath, "/x", .string("/x")),
            (.encryption, "GPG", .string("gpg")),
            (.walsDirectory, "s3://bucket/x", .string("s3://bucket/x")),
            (.awsEncryption, "aws:kms", .string("aws:kms")),
        ] as [(ServerOption, String, OptionValue)]
    )
    func `a text becomes the value of its type`(option: ServerOption, text: String, expected: OptionValue) {
        #expect(parse(option, text) == .value(expected))
    }

    @Test(
        arguments: [
            (
                ServerOption.archiver, "y",
                "Invalid boolean representation (must be one in: true|t|yes|1|on | false|f|no|0|off)"
            ),
            (.parallelJobs, "1.5", "invalid literal for int() with base 10: '1.5'"),
            (.parallelJobs, "1__0", "invalid literal for int() with base 10: '1__0'"),
            (.parallelJobs, "", "invalid literal for int() with base 10: ''"),
            (.parallelJobs, "_1", "invalid literal for int() with base 10: '_1'"),
            (.lastBackupMinimumSize, "10K", "Invalid value for a number 10K"),
            (.lastBackupMinimumSize, " 10k", "Invalid value for a number  10k"),
            (.lastBackupMinimumSize, "9999999999999Ti", "Invalid value for a number 9999999999999Ti"),
            (.lastWalMaximumAge, "12month", "Invalid value for a time interval 12month"),
            (.lastWalMaximumAge, "1 weekss", "Invalid value for a time interval 1 weekss"),
            (.lastWalMaximumAge, "999999999999999 months", "Invalid value for a time interval 999999999999999 months"),
            (.reuseBackup, "x", "Invalid value (use 'copy', 'link' or 'off')"),
            (
                .backupCompression, "x", "Invalid value 'x'(must be one in: ['gzip', 'lz4', 'zstd', 'none'])"
            ),
            (.stagingLocation, "Remote", "Invalid value: Remote (options are: local, remote)"),
            (
                .compression, "Foo",
                "Invalid value: 'foo' "
                    + "(must be one in: gzip, bzip2, pygzip, pybzip2, pigz, xz, zstd, lz4, snappy, custom)"
            ),
            (
                .compressionLevel, "x",
                "Invalid value: 'x' (must be one in [low, medium, high] or an acceptable integer)"
            ),
            (
                .compressionLevel, "+5",
                "Invalid value: '+5' (must be one in [low, medium, high] or an acceptable integer)"
            ),
            (.compressionLevel, "²", "invalid literal for int() with base 10: '²'"),
            (.lastBackupMinimumSize, "²k", "Invalid value for a number ²k"),
            (.encryption, "AES", "Invalid encryption value 'aes'. Allowed values are: none, gpg."),
            (.stagingPath, "rel", "Invalid value : 'rel' (must be an absolute path)"),
            (.snapshotDisks, ",a", "['', 'a']"),
            (
                .backupOptions, "concurrent_backup,",
                "Invalid configuration value '' for key backup_options in [s] section: Unknown option"
            ),
            (
                .backupOptions, "concurrent_backup,exclusive_backup",
                "Invalid configuration value 'concurrent_backup' for key backup_options in [s] section: "
                    + "cannot contain both 'concurrent_backup' and 'exclusive_backup'.Configuration directive ignored."
            ),
            (
                .slotName, "a-b",
                "Replication slot names may only contain lower case letters, numbers, and the underscore character."
            ),
            (
                .walsDirectory, "ftp://x", "The URL is not compatible with any of the supported cloud providers"
            ),
        ] as [(ServerOption, String, String)]
    )
    func `a text of another type is refused with the reason`(option: ServerOption, text: String, reason: String) {
        #expect(parse(option, text) == .invalid(reason))
    }

    @Test(arguments: [
        (ServerOption.description, ParsedOption.unset), (.compression, .unset), (.compressionLevel, .unset),
        (.walsDirectory, .unset), (.lastWalMaximumAge, .absent), (.lastBackupMinimumSize, .absent),
    ])
    func `no text means unset or absent, by type`(option: ServerOption, expected: ParsedOption) {
        #expect(parse(option, "") == expected)
    }

    @Test func `no encryption is as if the option were not there`() {
        #expect(parse(.encryption, "none") == .absent)
    }

    @Test(arguments: [
        ("s3://b", true), ("S3://b", true), ("s3://", false), ("gs://b/x", true), ("ftp://b", false),
        ("https://console.cloud.google.com/storage/browser/b", true),
        ("https://console.cloud.google.com/storage/browser/", false),
        ("https://a.blob.core.windows.net/", true), ("https://a.blob.core.windows.net", false), ("/srv/wals", false),
        ("://", false), ("", false),
    ])
    func `only URLs of known object stores are supported`(text: String, expected: Bool) {
        #expect(CloudURL.isSupported(text) == expected)
    }

    private func parse(_ option: ServerOption, _ text: String) -> ParsedOption {
        OptionParser.parse(text, as: option.specification.type, key: option.name, section: "s")
    }
}
