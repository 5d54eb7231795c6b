extension Instance {
    private static let taskColumns = [
        "release", "x", "y", "skill", "workload", "expected", "deadline", "pay", "penalty_rate",
    ]
    private static let workerColumns = ["x", "y", "skills", "speed", "reach", "shift_start", "shift_end"]

    /// Writes the product's own two tables. Numbers are written so that reading gives the same bits; skills as
    /// `0 2 3`, speed in km/min. O(tasks + workers).
    /// - Throws: `CSCError.file` where a file cannot be written.
    public func write(tasks taskPath: String, workers workerPath: String) throws {
        var table = CSVWriter(header: Self.taskColumns)
        for task in tasks {
            table.append([
                "\(task.release)", "\(task.x)", "\(task.y)", "\(task.skill)", "\(task.workload)", "\(task.expected)",
                "\(task.deadline)", "\(task.pay)", "\(task.penaltyRate)",
            ])
        }
        try table.write(to: taskPath)
        var people = CSVWriter(header: Self.workerColumns)
        for worker in workers {
            people.append([
                "\(worker.x)", "\(worker.y)", worker.skills.skills.map(String.init).joined(separator: " "),
                "\(worker.speed)", "\(worker.reach)", "\(worker.shiftStart)", "\(worker.shiftEnd)",
            ])
        }
        try people.write(to: workerPath)
    }

    /// Reads the product's own two tables. The horizon is the last release, rounded up to a minute. O(rows log rows).
    ///
    /// - Throws: `CSCError` naming file, line, column and value of the first bad row; with `.skip` bad rows are left
    ///   out and counted in the reports (tasks, workers).
    public static func read(
        tasks taskPath: String, workers workerPath: String, badRows: CSVReader.BadRows = .fail,
        side: Double = 10
    ) throws -> (instance: Instance, reports: [CSVReader.Report]) {
        let table = try CSVReader(path: taskPath)
        let column = try taskColumns.map { try table.column($0) }
        var tasks: [SpatialTask] = []
        let taskReport = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            let release = try row.double(column[0], in: 0...Limits.dayMinutes)
            let left = Limits.dayMinutes - release
            let expected = try row.double(column[5], in: 0...left)
            tasks.append(
                SpatialTask(
                    release: release, x: try place(row, column[1]), y: try place(row, column[2]),
                    skill: try row.int(column[3], in: 0...63), workload: try positive(row, column[4]),
                    expected: expected, deadline: try row.double(column[6], in: expected...left),
                    pay: try row.double(column[7], in: 0...1e12),
                    penaltyRate: try row.double(column[8], in: 0...1e12)))
        }
        let people = try CSVReader(path: workerPath)
        let field = try workerColumns.map { try people.column($0) }
        var workers: [Worker] = []
        let workerReport = try people.forEachRow(badRows: badRows) { row throws(CSCError) in
            let start = try row.double(field[5], in: 0...1e9)
            workers.append(
                Worker(
                    x: try place(row, field[0]), y: try place(row, field[1]), skills: try skills(row, field[2]),
                    speed: try positive(row, field[3]), reach: try row.double(field[4], in: 0...1e9),
                    shiftStart: start, shiftEnd: try row.double(field[6], in: start...1e9)))
        }
        let last = tasks.reduce(0) { max($0, $1.release) }
        let instance = try Instance(
            tasks: tasks, workers: workers, horizon: max(1, last.rounded(.up)), side: side)
        return (instance, [taskReport, workerReport])
    }

    private static func place(_ row: CSVReader, _ column: Int) throws(CSCError) -> Double {
        try row.double(column, in: -Limits.kilometres...Limits.kilometres)
    }

    private static func positive(_ row: CSVReader, _ column: Int) throws(CSCError) -> Double {
        let value = try row.double(column)
        if value <= 0 || value > 1e12 { throw row.error(column, "a number above 0 and at most 1e12 is wanted") }
        return value
    }

    private static func skills(_ row: CSVReader, _ column: Int) throws(CSCError) -> SkillSet {
        var set = SkillSet()
        for word in try row.string(column).split(separator: " ") {
            guard let skill = Int(word), (0..<64).contains(skill) else {
                throw row.error(column, "skills from 0 to 63 with blanks between them are wanted")
            }
            set.insert(SkillSet(skill: skill))
        }
        return set
    }
}
