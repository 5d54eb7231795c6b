internal import Foundation

/// The training ground of `cafe`: a pool of random scenarios (`RandomScenario`), each with the plain coalition rule at its
/// best constant price beside it, and other ones that are held out.
///
/// A generation plays fresh episodes of some of them. What a candidate is worth is how much more it earns than the rule
/// in the same episode, relative to what the rule earns in that scenario; losses count double, and no single episode
/// counts more than 30 %, so that what comes out does no harm anywhere. The rule's price is tuned once per scenario,
/// when that is first played: it is a function of the scenario alone, so a resumed run finds the same.
final class RandomCities {
    /// An episode to be played, and what the rule earns in it.
    struct Cell: Sendable {
        var instance: Instance
        var forecast: DemandForecast
        /// The rule's revenue in this episode, and its mean over episodes of the scenario.
        var rule = 0.0
        var unit: Double
        /// The rule's tuned price (money per worker-minute), and in mean pays per unit of work.
        var price: Double
        var basePrice: Double

        /// What a revenue is worth (see `RandomCities`).
        func worth(_ revenue: Double) -> Double {
            let gain = min(0.3, max(-0.5, (revenue - rule) / unit))
            return gain < 0 ? 2 * gain : gain
        }
    }

    /// A scenario of the pool with what was found out about it.
    private struct City {
        let random: RandomScenario
        let forecast: DemandForecast
        let price: Double
        let basePrice: Double
        let unit: Double
        /// The rule is paid nearly all there is: nothing can be learnt here.
        let isSaturated: Bool
    }

    /// Scenarios that training plays, and others by which a generation is chosen.
    static let poolSize = 192
    static let heldOutSize = 72
    /// Scenarios of a generation.
    static let perGeneration = 16
    /// Held-out scenarios have seeds from here on; training seed s has its own from s * `seedStride` on.
    private static let heldOutSeed: UInt64 = 900_000_000
    private static let seedStride: UInt64 = 1_000_000
    private static let tuningEpisodes = 4

    private let seed: UInt64
    private var cities: [UInt64: City] = [:]
    private var heldOut: [Cell] = []

    init(seed: UInt64) { self.seed = seed }

    /// The episodes of a generation. O(`perGeneration` episodes), and the tuning of scenarios that are new.
    func cells(generation: Int, count: Int) -> [Cell] {
        var stream = RandomStream(seed: seed, purpose: .scenario, index: UInt64(generation) + 1)
        var cells: [Cell] = []
        while cells.count < count {
            let number = seed % 100 * Self.seedStride + UInt64(stream.index(below: Self.poolSize))
            let city = city(number)
            if city.isSaturated && stream.unit() < 0.8 { continue }
            cells.append(cell(city, episode: EpisodeRange.evolution[generation]))
        }
        playRule(&cells)
        return cells
    }

    /// One episode of each held-out scenario, always the same. O(`heldOutSize` episodes) once, with tuning.
    func heldOutCells() -> [Cell] {
        if !heldOut.isEmpty { return heldOut }
        var cells = (0..<Self.heldOutSize).map {
            cell(city(Self.heldOutSeed + UInt64($0)), episode: EpisodeRange.heldOut[0])
        }
        playRule(&cells)
        heldOut = cells
        return cells
    }

    private func cell(_ city: City, episode: EpisodeIndex) -> Cell {
        let random = city.random
        return Cell(
            instance: random.scenario.instance(
                tasks: random.tasks, workers: random.workers, seed: seed, episode: episode),
            forecast: city.forecast, unit: city.unit, price: city.price, basePrice: city.basePrice)
    }

    /// The scenario of that seed; tuned when it is asked for first.
    private func city(_ number: UInt64) -> City {
        if let city = cities[number] { return city }
        let random = RandomScenario(seed: number)
        let (scenario, tasks, workers) = (random.scenario, random.tasks, random.workers)
        let price = DispatcherKind.coalition.tunedPrice(
            scenario, tasks: tasks, workers: workers, seed: number, episodes: Self.tuningEpisodes)
        let episodes = (0..<2 * Self.tuningEpisodes).map {
            scenario.instance(tasks: tasks, workers: workers, seed: number, episode: EpisodeRange.reference[$0])
        }
        let sample = scenario.instance(tasks: tasks, workers: workers, seed: number, episode: EpisodeRange.tuning[0])
        let revenues = Self.playRule(episodes, prices: episodes.map { _ in price })
        let payable = episodes.reduce(0) { $0 + $1.tasks.reduce(0) { $0 + $1.pay } }
        let earned = revenues.reduce(0, +)
        let city = City(
            random: random, forecast: .counted(on: scenario, tasks: tasks, workers: workers), price: price,
            basePrice: price / max(1e-300, sample.rate),
            unit: max(1e-9, earned / Double(episodes.count), 0.01 * payable / Double(episodes.count)),
            isSaturated: earned > 0.975 * payable)
        cities[number] = city
        return city
    }

    private func playRule(_ cells: inout [Cell]) {
        let revenues = Self.playRule(cells.map(\.instance), prices: cells.map(\.price))
        for at in cells.indices { cells[at].rule = revenues[at] }
    }

    /// The revenue of the plain rule in each of some episodes. The same at any number of threads.
    private static func playRule(_ episodes: [Instance], prices: [Double]) -> [Double] {
        let results = episodes.map { _ in Result() }
        Threads.parallelFor(episodes.count) { at in
            let rule = DispatcherKind.coalition.make(price: prices[at])
            results[at].revenue = rule.play(
                episodes[at], in: SpatialCrowdsourcing(), stream: RandomStream(seed: 0, purpose: .dispatcher))
        }
        return results.map(\.revenue)
    }

    private final class Result: @unchecked Sendable { var revenue = 0.0 }
}
