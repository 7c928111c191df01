import Files
import SystemPackage
import TestWorld
import Testing

@testable import Restore

@Suite struct TreeWalkTests {
    @Test func `links are followed, and the loop of a link is an error`() throws {
        try RestoreFixture.with { fixture in
            let source = FilePath(fixture.world.path("source"))
            try FileSystem.createDirectories(source.appending("real/deep"))
            try FileSystem.replaceDurably(source.appending("real/deep/file"), contents: [7])
            try FileSystem.symlink(at: source.appending("alias"), to: "real")
            try FileSystem.symlink(at: source.appending("file"), to: "real/deep/file")
            var found: [RestoredMember] = []
            let walk = TreeWalk(source) { $0 == "real/deep" }
            while let member = try walk.next() { found.append(member) }
            #expect(found.map(\.path) == ["", "alias", "alias/deep", "alias/deep/file", "file", "real"])
            #expect(found.filter { $0.kind == .file }.map(\.path) == ["alias/deep/file", "file"])
            try FileSystem.symlink(at: source.appending("real/loop"), to: source)
            let endless = TreeWalk(source)
            #expect(throws: FileError.self) { while try endless.next() != nil {} }
        }
    }
}

@Suite struct TreeListingTests {
    @Test func `files of several trees come back, the largest first, each in its directory`() throws {
        try RestoreFixture.with { fixture in
            func put(_ name: String, _ count: Int) throws {
                let path = FilePath(fixture.world.path(name))
                try FileSystem.createDirectories(path.removingLastComponent())
                try FileSystem.replaceDurably(path, contents: [UInt8](repeating: 7, count: count))
            }
            try put("space/5/6/small", 1)
            try put("space/5/zz", 30)
            try put("data/base/1/ü", 20)
            try put("data/base/2/1259", 0)
            try put("data/global/1260", 10)
            try put("data/z", 5)
            try FileSystem.setPermissions(FilePath(fixture.world.path("data/z")), [.ownerRead])
            var listing = TreeListing()
            let roots = [RestoreRoot(oid: 7, destination: "/space"), RestoreRoot(oid: nil, destination: "/data")]
            for (root, name) in zip(roots, ["space", "data"]) {
                let tree = FilePath(fixture.world.path(name))
                try listing.add(TreeWalk(tree), of: root, at: tree)
            }
            listing.sortLargestFirst()
            #expect(listing.totalBytes == 66)
            #expect(
                listing.directories.map { "\($0.root.destination) \($0.member.path)" } == [
                    "/space ", "/space 5", "/space 5/6", "/data ", "/data base", "/data base/1", "/data base/2",
                    "/data global",
                ]
            )
            let files = (0..<listing.fileCount).map { listing.file($0) }
            #expect(
                files.map { "\($0.root.destination) \($0.member.path)" } == [
                    "/space 5/zz", "/data base/1/ü", "/data global/1260", "/data z", "/space 5/6/small",
                    "/data base/2/1259",
                ]
            )
            for file in files {
                let status = try FileSystem.status(of: file.source)
                #expect(file.member.sizeBytes == status.sizeBytes && file.member.permissions == status.permissions)
                #expect(file.member.modifiedSeconds == status.modifiedSeconds)
                #expect(file.member.modifiedNanoseconds == status.modifiedNanoseconds)
            }
        }
    }
}
