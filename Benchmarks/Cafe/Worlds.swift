import Benchmark
import CSCSwift
import Foundation
import Reference

/// A city played by chance: observations, actions, steps.
final class GameCase {
    private let game = SpatialCrowdsourcing()
    private let day = Scenario.chengdu.instance(tasks: 200, workers: 200, seed: 1, episode: EpisodeRange.evaluation[0])
    private var context, candidates: [Float]
    private var mask: [UInt8]
    private var actions: [Int32]
    private var stream = RandomStream(seed: 1, purpose: .policy)
    private var paid = 0.0
    /// How many decisions the day has.
    private(set) var decisions = 0

    init() {
        context = [Float](repeating: 0, count: 200 * game.contextWidth)
        candidates = [Float](repeating: 0, count: 200 * game.actionCount * game.candidateWidth)
        mask = [UInt8](repeating: 0, count: 200 * game.actionCount)
        actions = [Int32](repeating: 0, count: 200)
        play()
    }

    func play() {
        game.reset(day)
        steps()
    }

    private func steps() {
        stream = RandomStream(seed: 1, purpose: .policy)
        (decisions, paid) = (0, 0)
        while !game.isOver {
            let count = game.actingCount
            observe()
            for row in 0..<count {
                var action = stream.index(below: game.actionCount)
                while mask[row * game.actionCount + action] == 0 { action = stream.index(below: game.actionCount) }
                actions[row] = Int32(action)
            }
            decisions += count
            game.step(actions: actions.span)
        }
    }

    private func observe() {
        lend(&context) { contextSpan in
            lend(&candidates) { candidateSpan in
                lend(&mask) { maskSpan in
                    game.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
                }
            }
        }
    }

    /// Of the steps and observations of a day, without taking over the day.
    func stepAllocations() -> Int {
        game.reset(day)
        return Case.allocations { steps() }
    }

    var isRight: Bool { game.isOver && game.revenue > 0 && decisions > 1000 }
}

/// Random play of simple_spread.
final class SpreadCase {
    private let game: SimpleSpread
    private var actions: [Int32]
    private var observations, finals, rewards: [Float]
    private var ends: [StepEnd]
    private var stream = RandomStream(seed: 1, purpose: .policy)
    let agentSteps: Int

    init(worlds: Int) {
        game = SimpleSpread(environmentCount: worlds)
        game.reset(seed: 1)
        let rows = worlds * game.agentsPerEnvironment
        actions = [Int32](repeating: 0, count: rows)
        observations = [Float](repeating: 0, count: rows * game.observationWidth)
        finals = observations
        rewards = [Float](repeating: 0, count: rows)
        ends = [StepEnd](repeating: .continues, count: worlds)
        agentSteps = 25 * rows
    }

    func play() {
        for _ in 0..<25 {
            draw()
            step()
        }
    }

    private func draw() {
        lend(&actions) { out in
            stream.fill(&out, below: 5)
        }
    }

    private func step() {
        let chosen = actions
        lend(&observations) { observations in
            lend(&finals) { finals in
                lend(&rewards) { rewards in
                    lend(&ends) { ends in
                        game.step(
                            actions: chosen.span, observations: &observations, finalObservations: &finals,
                            rewards: &rewards,
                            ends: &ends)
                    }
                }
            }
        }
    }

    /// Every episode ends after 25 steps, and nobody is paid for being far away.
    var isRight: Bool {
        ends.allSatisfy { $0 == .truncated } && observations.allSatisfy(\.isFinite) && rewards.allSatisfy { $0 < 0 }
    }
}

/// The eight nearest of many points.
final class NeighbourCase {
    private let index: SpatialIndex
    private let x, y: [Double]
    private var found = [Int32](repeating: 0, count: 800)
    private var exact = [Int32](repeating: -1, count: 8)
    private var distances = [Double](repeating: 0, count: 800)

    init(_ count: Int) {
        var stream = RandomStream(seed: 3, purpose: .test)
        x = (0..<count).map { _ in stream.uniform(0, 10) }
        y = (0..<count).map { _ in stream.uniform(0, 10) }
        index = SpatialIndex(capacity: count)
        for k in 0..<count { index.append(x: x[k], y: y[k], skills: 1) }
        index.build()
    }

    func ask() {
        for question in 0..<100 {
            _ = index.nearest(
                8, x: Double(question % 10), y: Double(question / 10), skills: 1, reach: .infinity, speed: 1, now: 0,
                found: &found, distances: &distances, offset: question * 8)
        }
    }

    func referenceAsk() {
        for question in 0..<100 { reference(question) }
    }

    private func reference(_ question: Int) {
        reference_nearest(&exact, x, y, Int64(x.count), Double(question % 10), Double(question / 10), 8)
    }

    var isRight: Bool {
        for question in stride(from: 0, to: 100, by: 7) {
            reference(question)
            if exact != Array(found[question * 8..<question * 8 + 8]) { return false }
        }
        return true
    }
}

func environments() {
    Case.register("city-200-by-200-1t", [Work.units(0).metric, Gate.wrong, Gate.allocations]) {
        let data = GameCase()
        return Case(
            work: .units(Double(data.decisions)), body: { data.play() }, check: { data.isRight },
            allocations: { data.stepAllocations() })
    }
    for threads in [1, 2] {
        Case.register("simple-spread-1024-\(threads)t", [Work.units(0).metric, Gate.wrong, Gate.allocations]) {
            let data = SpreadCase(worlds: 1024)
            return Case(
                threads: threads, work: .units(Double(data.agentSteps)), body: { data.play() }, check: { data.isRight },
                allocations: { Case.allocations { data.play() } })
        }
    }
    for count in [200, 20_000] {
        let metrics = [Work.units(0).metric, Gate.wrong, Gate.allocations, Gate.ratio]
        Case.register("nearest-8-of-\(count)-1t", metrics) {
            let data = NeighbourCase(count)
            return Case(
                work: .units(100), body: { data.ask() }, reference: { data.referenceAsk() }, check: { data.isRight },
                allocations: { Case.allocations { data.ask() } })
        }
    }
}
