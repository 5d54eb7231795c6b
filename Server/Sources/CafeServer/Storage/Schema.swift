internal import GRDB

/// The tables of a server's file. Events of studies and cities are append-only: triggers refuse to change or delete them.
enum Schema {
    /// The form of the file; a file of a later form is refused.
    static let version = 3

    /// Makes the tables where they are absent.
    /// - Throws: `Problem` where the file is of a later form; `DatabaseError`.
    static func prepare(_ database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found <= version else {
            throw ServiceError("the file is of form \(found); this program reads up to form \(version)")
        }
        if found == version { return }
        try database.inTransaction(.immediate) {
            guard found == 0 else {
                // Forms 1 and 2 kept snapshots in the file; their studies are read from their events once.
                for table in ["snapshots", "snapshot_parts"] {
                    try database.execute(sql: "DROP TABLE IF EXISTS \(table)")
                }
                try database.execute(sql: "PRAGMA user_version = \(version)")
                return .commit
            }
            for statement in tables { try database.execute(sql: statement) }
            for table in ["events", "city_events"] {
                for verb in ["UPDATE", "DELETE"] {
                    try database.execute(
                        sql: """
                            CREATE TRIGGER \(table)_no_\(verb.lowercased()) BEFORE \(verb) ON \(table)
                            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
                            """)
                }
            }
            try database.execute(sql: "PRAGMA user_version = \(version)")
            return .commit
        }
    }

    private static let tables = [
        """
        CREATE TABLE studies (serial INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
            state TEXT NOT NULL, join_mode TEXT NOT NULL, cost REAL NOT NULL, instructions TEXT NOT NULL,
            completion_url TEXT, created REAL NOT NULL)
        """,
        """
        CREATE TABLE events (study INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL,
            checksum INTEGER NOT NULL, PRIMARY KEY (study, number)) WITHOUT ROWID
        """,
        """
        CREATE TABLE tasks (study INTEGER NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, context TEXT NOT NULL,
            text TEXT, image TEXT, fields TEXT, PRIMARY KEY (study, id)) WITHOUT ROWID
        """,
        "CREATE UNIQUE INDEX tasks_by_position ON tasks (study, position)",
        """
        CREATE TABLE tokens (hash BLOB PRIMARY KEY, role TEXT NOT NULL, study TEXT, worker TEXT,
            created REAL NOT NULL) WITHOUT ROWID
        """,
        """
        CREATE TABLE actions (number INTEGER PRIMARY KEY AUTOINCREMENT, study INTEGER NOT NULL, time REAL NOT NULL,
            kind TEXT NOT NULL)
        """,
        """
        CREATE TABLE history (study INTEGER NOT NULL, labels INTEGER NOT NULL, time REAL NOT NULL, spent REAL NOT NULL,
            confidence REAL, PRIMARY KEY (study, labels)) WITHOUT ROWID
        """,
        """
        CREATE TABLE cities (serial INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, settings TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL,
            created REAL NOT NULL)
        """,
        """
        CREATE TABLE city_events (city INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL,
            checksum INTEGER NOT NULL, PRIMARY KEY (city, number)) WITHOUT ROWID
        """,
        """
        CREATE TABLE city_log (city INTEGER NOT NULL, number INTEGER NOT NULL, line TEXT NOT NULL,
            PRIMARY KEY (city, number)) WITHOUT ROWID
        """,
    ]
}

/// What stops the program from starting, in a sentence.
struct ServiceError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
