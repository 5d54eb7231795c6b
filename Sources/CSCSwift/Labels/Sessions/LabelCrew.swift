/// Workers of one price and one range of accuracies, for a plan: people, or language models whose errors go together; or one
/// model that gives class probabilities beforehand (`model`).
public struct LabelCrew: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// How many workers.
    public var count: Int
    /// What one label costs.
    public var price: Double
    /// Each worker's accuracy is drawn uniformly from this range.
    public var accuracy: ClosedRange<Double>
    /// How probable it is that a worker's answer to a task is decided by the draw that the whole crew shares: 0, all err on
    /// their own; 1, all err on the same tasks in the same way, the less accurate also elsewhere.
    public var correlation: Double
    /// Whether it is a model that gives class probabilities beforehand, and nobody who is asked; the price is of a task then.
    public internal(set) var isModel = false
    /// Of a model: by what its log-probabilities are multiplied; 1: it is calibrated.
    public internal(set) var overconfidence = 1.0

    /// A crew.
    /// - Precondition: at least one worker, a correlation in [0, 1].
    public init(name: String, count: Int, price: Double, accuracy: ClosedRange<Double>, correlation: Double = 0) {
        precondition(count >= 1 && correlation >= 0 && correlation <= 1, "LabelCrew: \(count), \(correlation)")
        self.name = name
        self.count = count
        self.price = price
        self.accuracy = accuracy
        self.correlation = correlation
    }

    /// Reads `name=COUNT@PRICE:LOW-HIGH[:CORRELATION]`, such as `people=20@1:0.6-0.95` or `model=3@0.01:0.75-0.85:0.7`, or
    /// `name=soft@PRICE:LOW-HIGH[:OVERCONFIDENCE]`, a model that gives class probabilities, such as `gpt=soft@0.003:0.7-0.8`.
    /// O(text).
    /// - Throws: `CSCError.invalid` with what is wrong.
    public init(text: String) throws(CSCError) {
        let shape = CSCError.invalid(
            "a crew is NAME=COUNT@PRICE:LOW-HIGH[:CORRELATION], such as model=3@0.01:0.75-0.85:0.7, or "
                + "NAME=soft@PRICE:LOW-HIGH[:OVERCONFIDENCE], such as gpt=soft@0.003:0.7-0.8, not '\(text)'")
        let halves = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard halves.count == 2, !halves[0].isEmpty else { throw shape }
        let parts = halves[1].split(separator: ":").map(String.init)
        guard parts.count == 2 || parts.count == 3 else { throw shape }
        let head = parts[0].split(separator: "@").map(String.init),
            range = parts[1].split(separator: "-").map(String.init)
        let isModel = head.first == "soft"
        guard head.count == 2, range.count == 2, let count = isModel ? 1 : Int(head[0]), let price = Double(head[1]),
            let low = Double(range[0]), let high = Double(range[1])
        else { throw shape }
        guard (1...100_000).contains(count) else {
            throw .invalid("crew '\(halves[0])': 1 to 100000 workers, not \(count)")
        }
        guard low >= 0, low <= high, high <= 1 else {
            throw .invalid("crew '\(halves[0])': \(parts[1]) is not a range of accuracies within 0-1")
        }
        try LabelBudget.check(price, "the price of crew '\(halves[0])'")
        if isModel {
            guard let factor = parts.count == 3 ? Double(parts[2]) : 1, factor > 0, factor <= 100 else {
                throw .invalid("crew '\(halves[0])': the overconfidence \(parts[2]) is not above 0 and at most 100")
            }
            self = .model(name: halves[0], price: price, accuracy: low...high, overconfidence: factor)
            return
        }
        var correlation = 0.0
        if parts.count == 3 {
            guard let value = Double(parts[2]), value >= 0, value <= 1 else {
                throw .invalid("crew '\(halves[0])': the correlation \(parts[2]) is not between 0 and 1")
            }
            correlation = value
        }
        self.init(name: halves[0], count: count, price: price, accuracy: low...high, correlation: correlation)
    }
}

/// The draws behind the answers of crews: an answer is decided by its own draws or by those that its crew shares on the
/// task.
struct CrewAnswers {
    private var crew: [Int] = []
    private var correlation: [Double] = []
    private let seed: UInt64
    private let classes: Int

    /// - Parameter families: the family of each worker, whose members share all their draws; used where the plan is not of crews.
    init(_ assumption: LabelPlan.Assumption, families: [Int]?, seed: UInt64, run: Int, classes: Int) {
        var runs = RandomStream(seed: seed, purpose: .labelCrew, index: UInt64(run))
        self.seed = runs.next()
        self.classes = classes
        guard case .crews(let crews) = assumption else {
            guard let families else { return }
            let sizes = families.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            crew = families
            correlation = families.map { sizes[$0] ?? 0 > 1 ? 1 : 0 }
            return
        }
        for (index, one) in crews.filter({ !$0.isModel }).enumerated() {
            crew += [Int](repeating: index, count: one.count)
            correlation += [Double](repeating: one.correlation, count: one.count)
        }
    }

    /// A number in [0, 1) that decides whether the answer is right, and which other class it is if not.
    func draws(task: Int, worker: Int, own: (chance: Double, other: Int)) -> (chance: Double, other: Int) {
        guard !crew.isEmpty, correlation[worker] > 0 else { return own }
        // One stream per pair of this run, one per crew and task: the run's seed, and 48 bits for the two numbers.
        let pair = UInt64(worker + 1) << 24 | UInt64(task) & 0xFF_FFFF
        var personal = RandomStream(seed: seed, purpose: .labelCrew, index: pair)
        guard personal.unit() < correlation[worker] else { return own }
        let group = UInt64(crew[worker]) << 24 | UInt64(task) & 0xFF_FFFF
        var shared = RandomStream(seed: ~seed, purpose: .labelCrew, index: group)
        return (shared.unit(), shared.index(below: classes - 1))
    }
}
