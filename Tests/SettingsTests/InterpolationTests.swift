import SystemPackage
import Testing

@testable import Settings

@Suite struct InterpolationTests {
    @Test(arguments: [
        ("a%%%%b", "a%b"),
        ("%(cluster)s!", "c!"),
        ("%(CLUSTER)s", "c"),
        ("%%(cluster)s", "c"),
        ("plain", "plain"),
        ("%(quoted)s", "q"),
    ])
    func `references are resolved when merged and again when read`(text: String, expected: String) throws {
        #expect(try description("cluster=c\nquoted='q'\ndescription=\(text)\n") == expected)
    }

    @Test(arguments: [
        ("10% off", "'%' must be followed by '%' or '(', found: '% off'"),
        ("10%", "'%' must be followed by '%' or '(', found: '%'"),
        ("a%%b", "invalid interpolation syntax in 'a%b' at position 1"),
        ("ä%%b", "invalid interpolation syntax in 'ä%b' at position 1"),
        ("a%(b", "bad interpolation variable reference '%(b'"),
        ("a%()s", "bad interpolation variable reference '%()s'"),
        (
            "a%(no)s",
            "Bad value substitution: option 'description' in section 's' contains an interpolation key 'no' "
                + "which is not a valid option name. Raw value: 'a%(no)s'"
        ),
        (
            "%(description)s",
            "Recursion limit exceeded in value substitution: option 'description' in section 's' contains an "
                + "interpolation key which cannot be substituted in 10 steps. Raw value: '%(description)s'"
        ),
    ])
    func `a percent sign that means nothing ends the run`(text: String, expected: String) {
        do throws(SettingsError) {
            _ = try description("description=\(text)\n")
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.text == expected)
            #expect(error.line == 2)
            #expect(error.path == "/x.conf")
        }
    }

    @Test func `defaults of a file reach its own sections only`() throws {
        var picture = MergedSections()
        try picture.merge(file("[DEFAULT]\nx=1\ny=%(cluster)s\n[s]\ncluster=c\nx=2\n"))
        try picture.merge(file("[t]\ncluster=d\n[s]\nz=3\n"))
        let s = try #require(picture["s"])
        #expect(s.entries.map { "\($0.name)=\($0.text)" } == ["cluster=c", "x=2", "y=c", "z=3"])
        #expect(picture["t"]?.entries.map(\.name) == ["cluster"])
    }

    @Test(arguments: [
        ("\"a\"", "a"), ("'a'", "a"), ("'a'b'", "a'b"), ("\"a\" \"b\"", "a\" \"b"), ("\"a'", "\"a'"), ("\"", "\""),
        ("\"\"", ""), ("None", ""), ("none", "none"), ("\"None\"", "None"), ("\"a\n  b\"", "\"a\nb\""),
    ])
    func `one pair of quotes around a line is removed`(text: String, expected: String) throws {
        #expect(try description("description=\(text)\n") == expected)
    }

    private func file(_ text: String) throws(SettingsError) -> IniFile {
        try IniFile(parsing: Array(text.utf8), path: "/x.conf")
    }

    /// The final text of `description` in `[s]`.
    private func description(_ options: String) throws(SettingsError) -> String? {
        var picture = MergedSections()
        try picture.merge(file("[s]\n\(options)"))
        guard let section = picture["s"], let entry = section["description"] else { return nil }
        return try section.text(of: entry)
    }
}
