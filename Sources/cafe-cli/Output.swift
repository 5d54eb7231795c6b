internal import CSCSwift
internal import CStartup
internal import Foundation
internal import Synchronization

/// What the program says: answers on standard output, sentences for people on standard error.
///
/// Text that `print` writes is checked where the program ends (`finish`), or earlier where something depends on its
/// having been read (`flush`): a full disk or a closed pipe is an error like any other.
enum Output {
    /// Takes what `note` says in place of standard error where a program has a command in its own process; progress is
    /// not shown then. Nil: standard error.
    static let listener = TaskLocal<NoteList?>(wrappedValue: nil)

    /// Writes what has been printed so far.
    /// - Throws: `CSCError.file` where that, or anything printed before, cannot be written.
    static func flush() throws(CSCError) {
        let code = cafe_output_flush()
        guard code == 0 else {
            let reason = code > 0 ? ": \(String(cString: strerror(code)))" : ""
            throw .file(path: "standard output", reason: "cannot be written" + reason)
        }
    }

    /// Writes text to standard output and makes sure of it. Throws as `flush` does.
    static func write(_ text: String) throws(CSCError) {
        print(text, terminator: "")
        try flush()
    }

    /// Sets the number of threads (0: one on each processor), and says what that starts where it is not what was asked
    /// for, or more than there are processors. Several ranks of a machine share its processors where 0 is asked for.
    static func startThreads(_ asked: Int, quiet: Bool = false) {
        let asked = asked == 0 ? RankThreads.usual() : asked
        Threads.count = asked
        let (started, processors) = (Threads.count, Threads.available)
        if started < (asked == 0 ? processors : asked) {
            note(
                "note: \(Terminal.counted(started, "thread")) instead of \(asked == 0 ? processors : asked): the system "
                    + "lets this process have no more")
        } else if started > processors && !quiet {
            note("note: \(started) threads are started on \(Terminal.counted(processors, "processor"))")
        }
    }

    /// A line on standard error; nothing happens where that cannot be written. O(characters).
    static func note(_ line: String) {
        if let list = listener.get() { return list.add(line) }
        var rest = Array((line + "\n").utf8)
        while !rest.isEmpty {
            let written = Foundation.write(2, rest, rest.count)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return }
            rest.removeFirst(written)
        }
    }
}

/// Lines that were said for people, in order; any thread may add one.
final class NoteList: Sendable {
    private let list = Mutex<[String]>([])

    /// One more line.
    func add(_ line: String) { list.withLock { $0.append(line) } }
    /// All lines so far.
    var lines: [String] { list.withLock { $0 } }
}

/// Ctrl-C, termination and hanging up as wishes to stop, looked at between iterations; a second one ends the process at
/// once.
final class Interrupt {
    init() { cafe_interrupts_begin() }
    deinit { cafe_interrupts_end() }

    /// Whether somebody wants the work to stop.
    var requested: Bool { cafe_interrupted() != 0 }
}
