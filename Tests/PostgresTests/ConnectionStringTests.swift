import Postgres
import Testing

@Suite struct ConnectionStringTests {
    @Test func `the replication connection is rebuilt from the pairs, sorted, with three of them forced`() throws {
        let text = try ConnectionString("host=pg user=sb").forReplication.verbatim
        #expect(text == "dbname=replication host=pg options=-cdatestyle=iso replication=true user=sb")
        let forced = try ConnectionString("dbname=x  options=-cwork_mem=1MB\treplication=0").forReplication.verbatim
        #expect(forced == "dbname=replication options=-cdatestyle=iso replication=true")
    }

    @Test func `a client program gets a name and an empty search path unless they are given`() throws {
        let main = try ConnectionString("host=pg user=barman dbname=postgres")
        #expect(
            main.text(forClient: "n") == "host=pg user=barman dbname=postgres application_name=n options=-csearch_path="
        )
        let given = try ConnectionString("application_name=me options=x")
        #expect(given.text(forClient: "n") == "application_name=me options=x")
    }

    @Test func `a token is split at its first equals sign and the last of two wins`() throws {
        let string = try ConnectionString("options=-cdatestyle=iso host=a host=b")
        #expect(string["options"] == "-cdatestyle=iso")
        #expect(string["host"] == "b")
        #expect(string["user"] == nil)
    }

    @Test func `a token without equals sign is refused`() {
        for text in ["host", "postgresql://pg/db", "host=a b", "password='x y'"] {
            let error = #expect(throws: PostgresError.self) { try ConnectionString(text) }
            #expect(error?.message == "Cannot connect to postgres: \"\(text)\" is not a valid connection string")
            #expect(error?.kind == .invalidConnectionString)
        }
    }

    @Test func `a description never shows a value`() throws {
        let string = try ConnectionString("host=pg password=secret")
        #expect(!"\(string)".contains("secret"))
        #expect(!string.description.contains("pg"))
    }
}
