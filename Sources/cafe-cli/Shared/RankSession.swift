internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// Options of every command that several ranks work on together.
struct RankOptions: ParsableArguments {
    @Flag(help: "Join other ranks by MPI though no launcher (mpirun, srun) can be seen.")
    var mpi = false
    @Option(
        parsing: .unconditional,
        help: "Several ranks: seconds that all wait for one of them before it is named and all end.",
        transform: Limits.rankTimeout.parse)
    var rankTimeout = 60
    @Option(
        help: "Several ranks: write what ranks other than 0 would print, and what each has exchanged, to this folder.")
    var logRanks: String?
}

/// A command that ranks divide among themselves; all others are run by one process.
protocol RankedCommand: ParsableCommand {
    /// How ranks work together.
    var ranks: RankOptions { get }
}

/// What a launcher says of this process by its environment, before MPI has been started.
struct RankLaunch {
    /// This process among the others; nil where none can be seen.
    let rank: Int?
    /// How many there are; nil where that is not said.
    let size: Int?

    /// Open MPI and PRRTE, then MPICH's Hydra and Slurm (PMI), then whatever speaks PMIx, where Slurm says how many.
    init(_ environment: [String: String]) {
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        if let size = number("OMPI_COMM_WORLD_SIZE") {
            (rank, self.size) = (number("OMPI_COMM_WORLD_RANK"), size)
        } else if let size = number("PMI_SIZE") {
            (rank, self.size) = (number("PMI_RANK"), size)
        } else if let rank = number("PMIX_RANK") {
            (self.rank, size) = (rank, number("SLURM_STEP_NUM_TASKS") ?? number("SLURM_NTASKS"))
        } else {
            (rank, size) = (nil, nil)
        }
    }

    /// Whether others have been started beside this process, or may have been.
    var isOfSeveral: Bool { rank != nil && size != 1 }
    /// Whether another process says what this one would say as well.
    var isSecond: Bool { isOfSeveral && rank != 0 }
}

/// This process as one of several ranks: from joining the others to leaving them.
final class RankSession {
    private let group: MPICommunicator
    private let logFolder: String?
    /// The standard error that the program was started with.
    private let errors: Int32

    /// Joins the others where a launcher started several or `--mpi` is given; nil where this process is alone. From then on
    /// ranks other than 0 print nothing.
    ///
    /// - Throws: `ValidationError` where several have been started for a command of one process; `CSCError` where MPI cannot
    ///   be had or a log cannot be written.
    init?(for command: any ParsableCommand, _ launch: RankLaunch) throws {
        guard let options = (command as? any RankedCommand)?.ranks else {
            // Help is nobody's work: it is given, by the first rank alone (`CafeCLI.end`).
            guard launch.isOfSeveral, Self.all(CafeCLI.self).contains(ObjectIdentifier(type(of: command))) else {
                return nil
            }
            throw ValidationError(
                "this command works in one process: start it without mpirun or srun. Several ranks work together in "
                    + "evaluate, compare, evolve, train, resume, fit and reproduce cafe.")
        }
        guard launch.isOfSeveral || options.mpi else { return nil }
        signal(SIGPIPE, SIG_IGN)  // the launcher may be gone before the last sentence
        let errors = fcntl(2, F_DUPFD_CLOEXEC, 3)
        self.errors = errors
        logFolder = options.logRanks
        group = try MPICommunicator(library: Self.libraries, deadline: Double(options.rankTimeout)) { sentence in
            Self.say("Error: \(sentence). All ranks end.", to: errors)
        }
        if group.rank > 0 { try silence() }
    }

    /// A command and all below it.
    private static func all(_ command: any ParsableCommand.Type) -> [ObjectIdentifier] {
        [ObjectIdentifier(command)] + command.configuration.subcommands.flatMap { all($0) }
    }

    /// Where libcafe-mpi.so may lie: as CAFE_MPI_LIBRARY says, beside the program, in the lib folder beside its folder, where
    /// the system keeps libraries.
    private static var libraries: [String] {
        if let path = ProcessInfo.processInfo.environment["CAFE_MPI_LIBRARY"], !path.isEmpty { return [path] }
        let name = "libcafe-mpi.so"
        guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            return [name]
        }
        let folder = program.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return ["\(folder)/\(name)", "\(folder)/../lib/\(name)", name]
    }

    /// Does the command's work together with the others, after all have made sure that they are the same program with the
    /// same arguments on the same kind of processor.
    func run(version: String, _ work: () throws -> Void) throws {
        try Ranks.with(group) {
            let arguments = CommandLine.arguments.dropFirst().enumerated().map { number, value in
                (name: "word \(number + 1) of the command line", value: value)
            }
            try Ranks.requireSame(Ranks.programFacts(version: version) + arguments)
            try work()
        }
    }

    /// Leaves the others in order, and writes what has been exchanged to the rank's log.
    func finish() throws {
        let traffic = group.traffic
        if logFolder != nil {
            let line =
                "rank \(group.rank) of \(group.size): \(traffic.exchanges) exchanges, \(traffic.bytes) bytes, "
                + "\(Terminal.decimal(traffic.seconds, 3)) s in them; \(group.engine)\n"
            let descriptor = try openLog(appending: group.rank > 0)
            Self.say(String(line.dropLast()), to: descriptor)
            close(descriptor)
        }
        group.finish()
    }

    /// Ends all ranks, after a sentence where this is not the first rank: that one says what all would say, and ends this one
    /// before its time.
    func abort(_ sentence: String, status: Int32) -> Never {
        if group.rank > 0 {
            Foundation.sleep(2)
            Self.say("Error on rank \(group.rank): \(sentence)", to: errors)
        }
        group.abort(status: Int(status))
        Foundation.exit(status)
    }

    // MARK: What a rank prints

    /// Standard output and error of this rank go to its log, or nowhere.
    private func silence() throws {
        let descriptor = logFolder == nil ? open("/dev/null", O_WRONLY | O_CLOEXEC) : try openLog(appending: false)
        guard descriptor >= 0 else { return }
        dup2(descriptor, 1)
        dup2(descriptor, 2)
        close(descriptor)
    }

    private func openLog(appending: Bool) throws -> Int32 {
        let folder = logFolder ?? "."
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = AtomicFile.join(folder, "rank-\(group.rank).log")
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC), 0o644)
        guard descriptor >= 0 else {
            throw CSCError.file(path: path, reason: "cannot be opened: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private static func say(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        _ = Foundation.write(descriptor, bytes, bytes.count)
    }
}

/// How many threads a rank takes where nobody says: the processors that it may use, shared with the ranks that may use the
/// same ones of the same machine.
enum RankThreads {
    /// A collective; 0, which stands for all processors, where this rank is alone.
    static func usual() -> Int {
        let group = Ranks.current
        if group.size == 1 { return 0 }
        let status = (try? AtomicFile.readText("/proc/self/status")) ?? ""
        let allowed = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
        let place = ((try? AtomicFile.readText("/proc/sys/kernel/hostname")) ?? "") + allowed
        let mine = Array(place.utf8)
        let others = group.gather(mine).count { $0.elementsEqual(mine) }
        return max(1, Threads.available / max(1, others))
    }
}

/// What decides the result of a command that has no run: what ranks compare before they begin.
enum RankFacts {
    /// The content of the files that policies are read from: a run's folder or a policy's file; names have none.
    static func policies(_ members: [String]) throws -> [(name: String, value: String)] {
        if Ranks.current.size == 1 { return [] }
        return try members.flatMap { member in
            let path = member.split(separator: ":").first.map(String.init) ?? member
            return try ["", "policy.yaml", "policy.ckpt", "config.yaml", "scenario.yaml"].compactMap { name in
                let file = name.isEmpty ? path : AtomicFile.join(path, name)
                return try content(file).map { ("the content of \(file)", $0) }
            }
        }
    }

    /// What a source of episodes holds: its files, and an episode of it.
    static func source(
        _ options: SourceOptions, _ source: any InstanceSource, tasks: Int, workers: Int, seed: UInt64
    ) throws -> [(name: String, value: String)] {
        if Ranks.current.size == 1 { return [] }
        let example = source.instance(tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.evaluation[0])
        var facts = [("the first episode", ContentHash.digits(ContentHash.sipHash(Array("\(example)".utf8))))]
        for path in [options.orders, options.workersFile].compactMap(\.self) {
            if let hash = try content(path) { facts.append(("the content of \(path)", hash)) }
        }
        return facts.map { (name: $0.0, value: $0.1) }
    }

    /// Whether the first rank sees a file: a collective, so that all do the same.
    static func isThere(_ path: String) -> Bool {
        Ranks.first { FileManager.default.fileExists(atPath: path) ? [1] : [] } == [1]
    }

    private static func content(_ path: String) throws -> String? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
            return nil
        }
        return try ContentHash.file(path)
    }
}
