import Archive
import Catalog
import Failure
import Notation
import WAL

/// The backup that `auto` means: the newest from which the target can be reached.
struct BackupChoice {
    let catalog: BackupCatalog
    let request: RestoreRequest

    func choose() throws -> BackupInfo {
        if let option = forbiddenTarget {
            throw Failure(
                "For PITR without a backup_id, the only possible recovery targets are target_time and target_lsn. "
                    + "'\(option)' recovery target is not allowed without a backup_id."
            )
        }
        let timeline = try timeline()
        let time = try time()
        let lsn = try lsn()
        let candidates = catalog.backups(.completed).reversed()
        let choice = candidates.first { info in
            if let timeline, info.timeline != timeline { return false }
            if let time { return info.endTime.map { $0 <= time } ?? false }
            if let lsn { return info.endLSN.map { $0 <= lsn } ?? false }
            return true
        }
        guard let choice else { throw Failure("Cannot find any candidate backup for recovery.") }
        return choice
    }

    private var forbiddenTarget: String? {
        if request.targetXID != nil { return "target_xid" }
        if request.targetName != nil { return "target_name" }
        return request.targetImmediate ? "target_immediate" : nil
    }

    private func timeline() throws -> Timeline? {
        switch request.targetTimeline {
        case nil: return nil
        case "latest": return try WALArchive(catalog.home).newestTimeline()
        case .some(let text):
            guard let number = UInt32(text) else {
                throw Failure(
                    "'\(text)' is not a valid timeline keyword when recovering without a backup_id",
                    kind: .exception
                )
            }
            return Timeline(rawValue: number)
        }
    }

    private func time() throws(Failure) -> Timestamp? {
        guard let text = request.targetTime else { return nil }
        do {
            return try RecoveryTarget.parse(time: text).0
        } catch {
            throw Failure(error.message, kind: .exception)
        }
    }

    private func lsn() throws(Failure) -> LSN? {
        guard let text = request.targetLSN else { return nil }
        guard let lsn = LSN(text) else { throw Failure("Invalid target LSN '\(text)'") }
        return lsn
    }
}
