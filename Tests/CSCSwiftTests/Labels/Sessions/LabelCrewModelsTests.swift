import CSCSwift
import Testing

/// Plans with models that give class probabilities beforehand.
@Suite("Models of a plan")
struct LabelCrewModelsTests {
    private func points(
        _ crews: [LabelCrew], _ budgets: [Double], tasks: Int = 100, classes: Int = 2, runs: Int = 20
    ) -> [LabelPlan.Point] {
        LabelPlan(tasks: tasks, crews: crews, classCount: classes).simulate(budgets: budgets, runs: runs, seed: 3)
    }

    private let people = LabelCrew(name: "people", count: 10, price: 1, accuracy: 0.6...0.9)

    @Test("the text of a model, and what is refused")
    func text() throws {
        #expect(
            try LabelCrew(text: "gpt=soft@0.003:0.7-0.8") == .model(name: "gpt", price: 0.003, accuracy: 0.7...0.8))
        let bold = try LabelCrew(text: "gpt=soft@0:0.7-0.7:2.5")
        #expect(bold.isModel && bold.overconfidence == 2.5 && bold.price == 0 && bold.count == 1)
        #expect(try !LabelCrew(text: "soft=3@1:0.6-0.7").isModel)
        for bad in [
            "gpt=soft", "gpt=soft@1", "gpt=soft@x:0.7-0.8", "gpt=soft@-1:0.7-0.8", "gpt=soft@1:0.8-0.7",
            "gpt=soft@1:0.7-0.8:0", "gpt=soft@1:0.7-0.8:nan", "gpt=soft@1:0.7-0.8:101", "gpt=soft@0.0000001:0.7-0.8",
        ] {
            #expect(throws: CSCError.self, "\(bad)") { try LabelCrew(text: bad) }
        }
    }

    @Test("a model that is always right and costs nothing is enough", arguments: [2, 3])
    func perfect(classes: Int) {
        let model = LabelCrew.model(name: "gpt", price: 0, accuracy: 1...1)
        for crews in [[model], [people, model]] {
            let found = points(crews, [0, 50], classes: classes)
            #expect(found[0].accuracy == 1 && found[1].accuracy > 0.99, "\(found)")
            #expect(found[0].labels == 0 && found[1].labels == (crews.count == 1 ? 0 : 50))
        }
    }

    @Test("a model alone is right as often as it was said, whatever it claims", arguments: [0.6, 0.8], [1, 3.0])
    func alone(accuracy: Double, overconfidence: Double) {
        for classes in [2, 4] {
            let model = LabelCrew.model(
                name: "gpt", price: 0.01, accuracy: accuracy...accuracy, overconfidence: overconfidence)
            let found = points([model], [1.9, 2, 100], tasks: 200, classes: classes, runs: 100)
            // At 1.9 it is too dear: guessed.
            #expect(abs(found[0].accuracy - 1 / Double(classes)) < 0.015, "\(found)")
            #expect(abs(found[1].accuracy - accuracy) < 0.02, "\(found)")
            #expect(found[2].accuracy == found[1].accuracy && found[2].labels == 0, "more money buys nothing")
        }
    }

    @Test("its price is paid for all tasks first: what is left buys as many labels")
    func price() {
        let model = LabelCrew.model(name: "gpt", price: 0.5, accuracy: 0.8...0.8)
        let found = points([people, model], [20, 49.9, 50, 80, 200], runs: 5)
        #expect(found.map(\.labels) == [20, 49, 0, 30, 150], "\(found)")
        // Below its price the plan is that of people alone, bit for bit.
        let alone = points([people], [20, 49.9], runs: 5)
        #expect(Array(found[..<2]) == alone)
        // Of two models the second is bought where the first is too dear.
        let cheap = LabelCrew.model(name: "small", price: 0.1, accuracy: 0.6...0.6)
        #expect(points([people, model, cheap], [30, 55, 60], runs: 2).map(\.labels) == [20, 5, 0])
    }

    @Test("a good model helps people who are few labels, a useless one does not hurt them")
    func beside() {
        let good = LabelCrew.model(name: "gpt", price: 0.003, accuracy: 0.75...0.75)
        let with = points([people, good], [100], runs: 40)[0], without = points([people], [100], runs: 40)[0]
        #expect(with.accuracy > without.accuracy + 0.04, "\(with), without \(without)")
        let plain = points([people], [400], runs: 60)[0]
        for (accuracy, overconfidence) in [(0.5, 1.0), (0.52, 1), (0.52, 4)] {
            let useless = LabelCrew.model(
                name: "gpt", price: 0, accuracy: accuracy...accuracy, overconfidence: overconfidence)
            let beside = points([people, useless], [400], runs: 60)[0]
            let noise = (plain.standardError * plain.standardError + beside.standardError * beside.standardError)
                .squareRoot()
            #expect(
                beside.accuracy > plain.accuracy - 2 * noise, "\(accuracy) x \(overconfidence): \(beside), \(plain)")
        }
    }

    @Test("the same bits at any number of threads")
    func threads() {
        let model = LabelCrew.model(name: "gpt", price: 0.01, accuracy: 0.6...0.9, overconfidence: 2)
        let found = points([people, model], [0.5, 30, 120], runs: 7)
        defer { Threads.count = 0 }
        for count in [1, 2, 5] {
            Threads.count = count
            #expect(points([people, model], [0.5, 30, 120], runs: 7) == found, "\(count) threads")
        }
    }
}
