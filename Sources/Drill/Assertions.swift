import Failure
import Files
import Postgres
import Processes
import SystemPackage

/// The user's own checks: one question a line, true or wrong.
///
/// Blank lines and those that begin with `--` are passed over; `\c NAME` asks the following ones in another database than
/// `postgres`. A question holds when the first column of its first row is true.
struct Assertions: Sendable, Equatable {
    /// One question.
    struct Line: Sendable, Equatable {
        let number: Int
        let database: String
        let sql: String
    }

    let lines: [Line]

    init(reading path: FilePath) throws(Failure) {
        do {
            try self.init(String(decoding: FileSystem.read(path, limit: 16 << 20), as: UTF8.self))
        } catch let error as FileError {
            throw Failure("cannot read the assertions: \(error)", cause: error)
        } catch {
            throw Failure("cannot read the assertions '\(path)': \(error)", cause: error)
        }
    }

    init(_ text: String) throws(Failure) {
        var lines: [Line] = []
        var database = "postgres"
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: { $0.isWhitespace })
            guard let first = words.first, !first.hasPrefix("--") else { continue }
            if first == "\\c" || first == "\\connect" {
                guard words.count == 2 else {
                    throw Failure("line \(index + 1): '\(first)' wants the name of a database")
                }
                database = String(words[1])
            } else {
                lines.append(Line(number: index + 1, database: database, sql: String(line)))
            }
        }
        self.lines = lines
    }

    /// Asks everything; what does not hold goes into `record`.
    func run(on server: DrillServer, _ record: inout DrillRecord) throws {
        for line in lines {
            try SignalWatch.check()
            record.counts.assertions += 1
            let subject = "line \(line.number) of the assertions: \(line.sql)"
            do throws(PostgresError) {
                let session = try server.connect(to: line.database)
                let rows = try session.rows(line.sql)
                if rows.values.isEmpty {
                    record.defects.append("\(subject): no row")
                } else if !["t", "true", "1", "yes", "on"].contains(rows.first ?? "") {
                    record.defects.append("\(subject): \(rows.first ?? "NULL")")
                }
            } catch {
                record.defects.append("\(subject): \(error)")
            }
        }
    }
}
