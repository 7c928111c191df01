// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is built with.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// Targets that touch no C are held to strict memory safety as well.
let pureSettings = settings + [.strictMemorySafety()]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "swift-barman",
    products: [
        .executable(name: "barman", targets: ["barman"]),
        .executable(name: "barman-pages", targets: ["barman-pages"]),
        .executable(name: "barman-wal", targets: ["barman-wal"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-system.git", from: "1.6.0")
    ],
    targets: [
        // System libraries.
        .systemLibrary(name: "CBZip2", providers: [.apt(["libbz2-dev"])]),
        .systemLibrary(name: "CCRC32C"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

        // Leaves: pure values.
        .target(name: "Failure", swiftSettings: pureSettings),
        .testTarget(name: "FailureTests", dependencies: ["Failure"], swiftSettings: settings),
        .target(name: "Notation", swiftSettings: settings),
        .testTarget(name: "NotationTests", dependencies: ["Notation", "TestWorld"], swiftSettings: settings),
        .target(name: "WAL", swiftSettings: pureSettings),
        .testTarget(name: "WALTests", dependencies: ["WAL", "TestWorld"], swiftSettings: settings),

        // The machine below us.
        .target(name: "Files", dependencies: ["CLinux", "Failure", system], swiftSettings: settings),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestWorld", system], swiftSettings: settings),
        .target(name: "Settings", dependencies: ["Failure", "Files", "Notation", system], swiftSettings: pureSettings),
        .testTarget(
            name: "SettingsTests",
            dependencies: ["Settings", "Failure", "Files", "Notation", "TestHomes", "TestWorld", system],
            swiftSettings: settings
        ),
        .target(
            name: "Codecs",
            dependencies: [
                "Failure", "Files", "CBZip2", "CCRC32C", "CCrypto", "CDeflate", "CLZ4", "CLZMA", "CZlib", "CZstd",
                system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CodecsTests",
            dependencies: ["Codecs", "Failure", "Files", "TestWorld", system],
            swiftSettings: settings
        ),
        .target(name: "Pipeline", dependencies: ["Codecs", "Failure", "Files", system], swiftSettings: settings),
        .testTarget(
            name: "PipelineTests",
            dependencies: ["Pipeline", "Codecs", "Failure", "Files", "TestWorld", system],
            swiftSettings: settings
        ),
        .target(name: "Processes", dependencies: ["CLinux", "Failure", "Files", system], swiftSettings: settings),
        .testTarget(
            name: "ProcessesTests",
            dependencies: ["Processes", "Failure", "Files", "TestWorld", system],
            swiftSettings: settings
        ),
        .target(name: "Postgres", dependencies: ["CLibpq", "Failure", "Notation", "WAL"], swiftSettings: settings),
        .testTarget(
            name: "PostgresTests",
            dependencies: ["Postgres", "Failure", "Notation", "WAL", "TestWorld", system],
            swiftSettings: settings
        ),
        .target(
            name: "Replication",
            dependencies: ["Failure", "Files", "Pipeline", "Postgres", "WAL", system],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReplicationTests",
            dependencies: ["Replication", "Files", "Postgres", "WAL", "TestWorld", system],
            swiftSettings: settings
        ),

        // What we exist for.
        .target(
            name: "Catalog",
            dependencies: ["Failure", "Files", "Notation", "Settings", "WAL", system],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CatalogTests",
            dependencies: [
                "Catalog", "Failure", "Files", "Notation", "Settings", "WAL", "TestHomes", "TestWorld", system,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Archive",
            dependencies: [
                "Catalog", "Codecs", "Failure", "Files", "Notation", "Pipeline", "Postgres", "Processes", "Replication",
                "Settings", "WAL", system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ArchiveTests",
            dependencies: [
                "Archive", "Catalog", "Codecs", "Failure", "Files", "Notation", "Pipeline", "Postgres", "Replication",
                "Settings", "WAL", "TestHomes", "TestWorld", system,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Backup",
            dependencies: [
                "Archive", "Catalog", "Codecs", "Failure", "Files", "Notation", "Pipeline", "Postgres", "Processes",
                "Replication", "Settings", "WAL", system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "BackupTests",
            dependencies: [
                "Backup", "Catalog", "Codecs", "Failure", "Files", "Notation", "Processes", "Replication", "Settings",
                "WAL", "TestHomes", "TestWorld", system,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Restore",
            dependencies: [
                "Archive", "Backup", "Catalog", "Codecs", "Failure", "Files", "Notation", "Pipeline", "Processes",
                "Settings", "WAL", system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "RestoreTests",
            dependencies: [
                "Restore", "Archive", "Backup", "Catalog", "Codecs", "Failure", "Files", "Notation", "Processes",
                "Settings", "WAL", "TestWorld", system,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Drill",
            dependencies: [
                "Catalog", "Codecs", "Failure", "Files", "Notation", "Pipeline", "Postgres", "Processes", "Restore",
                "Settings", system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DrillTests",
            dependencies: [
                "Drill", "Catalog", "Failure", "Files", "Notation", "Settings", "TestWorld", system,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Upkeep",
            dependencies: [
                "Archive", "Backup", "Catalog", "Codecs", "Drill", "Failure", "Files", "Notation", "Postgres",
                "Processes", "Replication", "Settings", "WAL", system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "UpkeepTests",
            dependencies: [
                "Upkeep", "Catalog", "Drill", "Failure", "Files", "Notation", "Settings", "WAL", "TestHomes",
                "TestWorld", system,
            ],
            swiftSettings: settings
        ),

        // What a user sees.
        .target(name: "Console", dependencies: ["Failure", "Files", "Notation", system], swiftSettings: settings),
        .testTarget(
            name: "ConsoleTests",
            dependencies: ["Console", "Failure", "Notation", "TestWorld"],
            swiftSettings: settings
        ),
        .target(
            name: "Commands",
            dependencies: [
                "Archive", "Backup", "Catalog", "Codecs", "Console", "Drill", "Failure", "Files", "Notation",
                "Postgres", "Processes", "Restore", "Settings", "Upkeep", "WAL", system,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CommandsTests",
            dependencies: ["Commands", "Console", "Failure", "Notation", "TestWorld", system],
            swiftSettings: settings
        ),
        .executableTarget(name: "barman", dependencies: ["Commands"], swiftSettings: settings),

        // The programs beside PostgreSQL: small and, in a release, wholly static.
        .target(
            name: "WALClient",
            dependencies: ["Codecs", "Files", "Notation", "Pipeline", "Processes", "WAL", system],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WALClientTests",
            dependencies: ["WALClient", "Codecs", "Files", "TestWorld", "WAL", "barman", "barman-wal", system],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "barman-wal",
            dependencies: ["WALClient"],
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-static-executable"], .when(configuration: .release))]
        ),

        // What is made from the tables of commands and options: manual, reference, completion, example configuration.
        .target(
            name: "Manual",
            dependencies: ["Commands", "Notation", "Settings", "WALClient"],
            swiftSettings: pureSettings
        ),
        .testTarget(
            name: "ManualTests",
            dependencies: [
                "Manual", "Commands", "Failure", "Postgres", "Settings", "TestHomes", "TestWorld", "Upkeep",
                "WALClient",
                "barman", "barman-wal",
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "barman-pages",
            dependencies: ["Files", "Manual", system],
            swiftSettings: settings
        ),

        // Tests on real parts: the built program against real PostgreSQL, ssh, rsync and the oracle.
        .target(name: "TestWorld", dependencies: [system], path: "Tests/TestWorld", swiftSettings: settings),
        .target(
            name: "TestHomes",
            dependencies: ["Catalog", "Failure", "Settings", "TestWorld", system],
            path: "Tests/TestHomes",
            swiftSettings: settings
        ),
        .testTarget(
            name: "RecipeTests",
            dependencies: ["TestWorld", "barman", system],
            swiftSettings: settings
        ),
        .testTarget(
            name: "HouseTests",
            dependencies: ["TestWorld", "barman", system],
            swiftSettings: settings
        ),
    ]
)
