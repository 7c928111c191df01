/// Who we are.
enum Product {
    /// The release of the reference whose behaviour this is; the first word of `--version`, which clients parse.
    static let referenceVersion = "3.19.1"
    /// Our own release.
    static let version = "0.1.0"
    /// What runs this program, for `diagnose`.
    static let runtime = "Swift (swift-barman \(version))"
    /// The one line of `--version`.
    static let versionLine = "\(referenceVersion) Barman (swift-barman \(version))"
}
