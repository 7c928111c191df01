public import Failure
import Files
import SystemPackage
import WAL

extension XlogDatabase {
    /// The newest segment of each timeline that is in the archive, by the timeline's eight digits; the files are asked, not the list.
    public func newestStoredSegments() throws(Failure) -> [String: XlogRecord] {
        guard !home.walsAreInCloud else { return [:] }
        do {
            var newest: [String: XlogRecord] = [:]
            for directory in try hashDirectories().reversed() {
                let timeline = String(directory.prefix(8))
                guard newest[timeline] == nil else { continue }
                guard let name = try newestSegment(in: directory) else { continue }
                newest[timeline] = try XlogRebuild(database: self).record(named: name)
            }
            return newest
        } catch {
            throw error.catalogFailure
        }
    }

    private func hashDirectories() throws(FileError) -> [String] {
        do throws(FileError) {
            return try FileSystem.names(in: home.walsDirectory).filter { name in
                name.utf8.count == 16 && name.utf8.allSatisfy(XlogName.isHexadecimalDigit)
            }
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }

    private func newestSegment(in directory: String) throws(FileError) -> String? {
        let path = home.walsDirectory.appending(directory)
        guard try FileSystem.isDirectory(path) else { return nil }
        return try FileSystem.names(in: path).last { name in
            if case .segment = WALFileName(name) { name.hasPrefix(directory) } else { false }
        }
    }
}
