import Glibc
import WALClient

exit(WALClient.run(CommandLine.arguments))
