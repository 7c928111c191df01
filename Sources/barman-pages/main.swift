import Files
import Glibc
import Manual
import SystemPackage

/// Writes what is made from the tables of commands and options: `barman-pages installed DIR`, `barman-pages committed DIR`.
func write(_ pages: [Manual.Page], under directory: FilePath) throws {
    for page in pages {
        let path = directory.appending(page.path)
        try FileSystem.createDirectories(path.removingLastComponent())
        try FileSystem.replaceDurably(path, contents: Array(page.text.utf8))
    }
}

let words = Array(CommandLine.arguments.dropFirst())
switch words.first {
case "installed" where words.count == 2: try write(Manual.installed, under: FilePath(words[1]))
case "committed" where words.count == 2: try write(Manual.committed, under: FilePath(words[1]))
default: exit(2)
}
