import Catalog
import Failure
import Files
import SystemPackage
import TestHomes
import Testing

@Suite struct AnnotationsTests {
    private let id = "20240101T000000"

    @Test func `a backup is kept and released`() throws {
        try CatalogFixture.with { fixture throws in
            let info = try fixture.addBackup(id)
            let annotations = Annotations(fixture.home)
            #expect(try annotations.keepTarget(of: id) == nil)
            try annotations.keep(info, .standalone)
            #expect(try fixture.read("meta/\(id)-keep") == "standalone")
            #expect(try annotations.keepTarget(of: id) == .standalone)
            try annotations.keep(info, .full)
            #expect(try fixture.read("meta/\(id)-keep") == "full")
            try annotations.release(id)
            try annotations.release(id)
            #expect(try !annotations.isKept(id))
            #expect(fixture.names(in: "meta") == ["\(id)-backup.info"])
        }
    }

    @Test func `any other text keeps everything, an empty one only blocks deletion`() throws {
        try CatalogFixture.with { fixture throws in
            let annotations = Annotations(fixture.home)
            try fixture.write("whatever", to: "meta/\(id)-keep")
            #expect(try annotations.keepTarget(of: id) == .full)
            try fixture.write("", to: "meta/\(id)-keep")
            #expect(try annotations.keepTarget(of: id) == nil)
            #expect(try annotations.isKept(id))
        }
    }

    @Test func `incomplete and incremental backups cannot be kept`() throws {
        try CatalogFixture.with { fixture throws in
            let waiting = try fixture.addBackup(id) { $0.status = .waitingForWALs }
            let incremental = try fixture.addBackup("20240102T000000") { $0.parentBackupID = id }
            let annotations = Annotations(fixture.home)
            #expect(
                failure { try annotations.keep(waiting, .full) }?.message
                    == "Cannot add keep to backup \(id) because it has status WAITING_FOR_WALS. Only backups with status DONE "
                    + "can be kept."
            )
            #expect(
                failure { try annotations.keep(incremental, .full) }?.message
                    == "Unable to execute the keep command on backup 20240102T000000: is an incremental backup.\n"
                    + "Only full backups are eligible for the use of the keep command."
            )
        }
    }

    @Test func `an annotation in the old place moves to the new one`() throws {
        try CatalogFixture.with { fixture throws in
            let annotations = Annotations(fixture.home)
            try fixture.write("standalone", to: "base/\(id)/annotations/keep")
            #expect(try annotations.keepTargetInPlace(of: id) == .standalone)
            #expect(fixture.exists("base/\(id)/annotations/keep"))
            #expect(try annotations.keepTarget(of: id) == .standalone)
            #expect(try fixture.read("meta/\(id)-keep") == "standalone")
            #expect(!fixture.exists("base/\(id)/annotations/keep"))
            try fixture.write("full", to: "base/\(id)/annotations/keep")
            try annotations.release(id)
            #expect(try annotations.keepTarget(of: id) == nil)
        }
    }

    @Test func `a deletion that has begun is remembered`() throws {
        try CatalogFixture.with { fixture throws in
            let annotations = Annotations(fixture.home)
            #expect(try !annotations.isMarkedForDeletion(id))
            try annotations.markForDeletion(id)
            #expect(try fixture.read("meta/\(id)-delete_this") == "delete")
            #expect(try annotations.isMarkedForDeletion(id))
            try annotations.removeDeletionMark(id)
            #expect(try !annotations.isMarkedForDeletion(id))
        }
    }

    #if DEBUG
    @Test func `whatever fails while an old annotation moves, the backup stays protected`() throws {
        try withEveryFault { fixture throws in
            try fixture.write("standalone", to: "base/\(id)/annotations/keep")
        } work: { fixture throws in
            _ = try Annotations(fixture.home).keepTarget(of: id)
        } check: { fixture, _ throws in
            #expect(try Annotations(fixture.home).keepTarget(of: id) == .standalone)
        }
    }

    @Test func `whatever fails while a backup is protected, no other state than before or after is there`() throws {
        try withEveryFault { fixture throws in
            try fixture.addBackup(id)
        } work: { fixture throws in
            let info = try #require(try BackupCatalog.record(of: id, in: fixture.home))
            try Annotations(fixture.home).keep(info, .full)
        } check: { fixture, succeeded throws in
            let kept = try Annotations(fixture.home).keepTarget(of: id)
            #expect(kept == .full || (kept == nil && !succeeded))
            #expect(try BackupCatalog.load(fixture.home).ids == [id])
        }
    }
    #endif
}

@Suite struct IdentityTests {
    @Test func `the identity is written once, in the layout of the reference`() throws {
        try CatalogFixture.with { fixture throws in
            #expect(try Identity.load(fixture.home) == nil)
            let identity = Identity(systemID: "7456012345678901234", version: "17")
            #expect(try identity.writeOnce(fixture.home))
            #expect(
                try fixture.read("identity.json")
                    == "{\n    \"systemid\": \"7456012345678901234\",\n    \"version\": \"17\"\n}\n"
            )
            #expect(try !Identity(systemID: "1", version: "9.6").writeOnce(fixture.home))
            #expect(try Identity.load(fixture.home) == identity)
        }
    }

    @Test(arguments: ["", "{", "{}", "{\"systemid\": 7, \"version\": \"17\"}", "[]"])
    func `a damaged identity is an error that names the file`(text: String) throws {
        try CatalogFixture.with { fixture throws in
            try fixture.write(text, to: "identity.json")
            let failure = failure { _ = try Identity.load(fixture.home) }
            #expect(failure?.message.contains(fixture.home.identityPath.string) == true)
        }
    }
}
