internal import Foundation

/// The range of one kind of number that comes from outside: an option, a key, a column, a field of a file.
package struct Limit: Sendable, Hashable {
    /// The smallest and the largest value that are taken.
    package let range: ClosedRange<Int>

    /// Values of this range.
    package init(_ range: ClosedRange<Int>) { self.range = range }

    /// The range in words: "a whole number from 1 to 1000".
    package var words: String { "a whole number from \(range.lowerBound) to \(range.upperBound)" }

    /// Reads a number from the text of an option. Throws `CSCError.invalid` saying the range. O(digits).
    package func parse(_ text: String) throws(CSCError) -> Int {
        guard let value = Int(text), range.contains(value) else { throw .invalid("\(words) is wanted") }
        return value
    }

    /// Reads a list of numbers separated by commas, at least one. Throws as `parse` does. O(characters).
    package func parseList(_ text: String) throws(CSCError) -> [Int] {
        var values: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.append(try parse(String(part.drop { $0 == " " })))
        }
        return values
    }

    /// The value itself where it is in the range; otherwise throws `CSCError.configuration` naming the key. O(1).
    @discardableResult
    package func check(_ value: Int, key: String) throws(CSCError) -> Int {
        guard range.contains(value) else { throw .configuration(key: key, reason: "\(value) is not \(words)") }
        return value
    }
}

/// The ranges of all numbers that come from outside, in one place, and what guards an allocation.
///
/// A number from outside is checked against its range here before anything is computed with it, so that no product of
/// two of them leaves 64 bits; what would need more memory than the machine has is refused by `checkMemory` before it
/// is asked for. docs/limits.md is this table for readers.
package enum Limits {
    /// Tasks or workers of one episode.
    package static let episodeSize = Limit(0...10_000_000)
    /// Tasks or workers of the episodes that a policy is trained on.
    package static let trainingSize = Limit(1...1_000_000)
    /// Episodes that one command plays for each seed.
    package static let episodes = Limit(1...10_000_000)
    /// Episodes of a part of a command that can be left out.
    package static let optionalEpisodes = Limit(0...10_000_000)
    /// Moves of an annealing for each episode.
    package static let moves = Limit(1...1_000_000_000)
    /// Updates that a refinement adds.
    package static let updates = Limit(0...10_000_000)
    /// The number of one episode of a seed.
    package static let episodeNumber = Limit(0...1_000_000_000_000)
    /// Tasks of a day for each of its workers.
    package static let tasksPerWorker = Limit(1...10_000)
    /// The most windows of a day: its length over the length of a window.
    package static let windows = 10_000_000.0
    /// The longest day (min): no release or deadline of an episode lies later. One leap year.
    package static let dayMinutes = 527_040.0
    /// The largest coordinate (km), in either direction.
    package static let kilometres = 1e9
    /// The number of a recorded day, or of a part of the rows.
    package static let day = Limit(0...1_000_000)
    /// Candidates in a generation of an evolution.
    package static let population = Limit(4...100_000)
    /// Episodes that an evolution holds in memory at once.
    package static let heldEpisodes = Limit(1...100_000)
    /// Updates, generations or iterations of a run.
    package static let iterations = Limit(1...10_000_000)
    /// Decisions on which derivatives are checked.
    package static let decisions = Limit(2...10_000_000)
    /// Hidden layers of a network; one more is the output.
    package static let hiddenLayers = 15
    /// Threads; 0 stands for one on each processor.
    package static let threads = Limit(0...1024)
    /// Seconds that ranks wait for one of them.
    package static let rankTimeout = Limit(1...1_000_000)
    /// Tasks of a simulated label collection.
    package static let labelTasks = Limit(1...10_000_000)
    /// Workers of a simulated label collection.
    package static let labelWorkers = Limit(1...1_000_000)
    /// Classes of a label set.
    package static let classes = Limit(2...100_000)
    /// The rank of a completion.
    package static let rank = Limit(1...1000)
    /// Runs that are averaged.
    package static let runs = Limit(1...1_000_000)
    /// Questions asked in one round, or labels for each task.
    package static let questions = Limit(1...1_000_000)
    /// Tasks that everyone labels first, or whose class is known.
    package static let explore = Limit(0...1_000_000)
    /// Seconds for which a question may be outstanding.
    package static let seconds = 1e15
    /// An amount of money, in its largest unit.
    package static let amount = 1e12

    /// All ranges of whole numbers by name.
    package static let all: [(name: String, limit: Limit)] = [
        ("episodeSize", episodeSize),
        ("trainingSize", trainingSize),
        ("episodes", episodes),
        ("optionalEpisodes", optionalEpisodes),
        ("moves", moves),
        ("updates", updates),
        ("episodeNumber", episodeNumber),
        ("tasksPerWorker", tasksPerWorker),
        ("day", day),
        ("population", population),
        ("heldEpisodes", heldEpisodes),
        ("iterations", iterations),
        ("decisions", decisions),
        ("threads", threads),
        ("rankTimeout", rankTimeout),
        ("labelTasks", labelTasks),
        ("labelWorkers", labelWorkers),
        ("classes", classes),
        ("rank", rank),
        ("runs", runs),
        ("questions", questions),
        ("explore", explore),
    ]

    /// Whether single precision holds `value`: 0, or neither too large nor so small that digits are lost. O(1).
    package static func fitsFloat(_ value: Double) -> Bool {
        value == 0
            || (abs(value) <= Double(Float.greatestFiniteMagnitude) && abs(value) >= Double(Float.leastNormalMagnitude))
    }

    /// The product of counts that are not negative, or nil where it leaves 64 bits. O(factors).
    package static func product(_ factors: [Int]) -> Int? {
        var product = 1
        for factor in factors {
            let (value, overflow) = product.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            product = value
        }
        return product
    }

    /// Refuses a table of so many elements that would take more than half of the memory that there is (`memory`).
    ///
    /// - Parameters:
    ///   - factors: the table's sizes, none of them negative; their product is its number of elements.
    ///   - bytes: of one element.
    ///   - what: what asks for it, as the sentence's subject: "Dawid-Skene's confusion matrices (300 x 3000 x 3000)".
    /// - Throws: `CSCError.invalid`. O(factors).
    package static func checkMemory(_ factors: [Int], bytes: Int, _ what: @autoclosure () -> String) throws(CSCError) {
        let available = memory / 2
        if let size = product(factors + [bytes]), size <= available { return }
        let wanted = factors.reduce(Double(bytes)) { $0 * Double($1) }
        throw .invalid(
            "\(what()) would take \(Terminal.decimal(wanted / 1e9, 1)) GB of memory; "
                + "\(Terminal.decimal(Double(available) / 1e9, 1)) GB, half of what there is, may be used")
    }

    /// How much memory this process may use (bytes): the least of the machine's, the control group's and the process's
    /// own limit.
    package static var memory: Int {
        var least = Int.max
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let page = sysconf(Int32(_SC_PAGESIZE))
        if let bytes = product([max(0, pages), max(0, page)]), bytes > 0 { least = bytes }
        var limit = rlimit()
        #if canImport(Darwin)
            let answer = getrlimit(RLIMIT_AS, &limit)
        #else
            let answer = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        #endif
        if answer == 0, let bytes = Int(exactly: limit.rlim_cur), bytes > 0 { least = min(least, bytes) }
        let group = FileManager.default.contents(atPath: "/sys/fs/cgroup/memory.max")
        if let group, let bytes = Int(String(decoding: group, as: UTF8.self).filter(\.isNumber)), bytes > 0 {
            least = min(least, bytes)
        }
        return least
    }
}
