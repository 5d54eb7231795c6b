internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli scenarios`
struct ScenariosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenarios",
        abstract: "List the built-in cities, or print one as YAML to start your own from.",
        discussion: """
            A scenario file needs only what differs if it names a base:
              base: chengdu
              skills: 2
              speed: {low: 15, high: 25}

            Example:
              cafe-cli scenarios chengdu > mine.yaml
              cafe-cli evaluate --scenario mine.yaml --policy greedy,coalition
            """)

    @Argument(help: "A city or FILE.yaml to print in full.")
    var scenario: String?

    @Option(help: "Print a random scenario, one of those that 'cafe' is trained on (docs/learning.md), by this seed.")
    var random: UInt64?

    func validate() throws {
        if scenario != nil && random != nil { throw ValidationError("name a scenario or give --random, not both") }
    }

    func run() throws {
        if let random {
            print(try RandomScenario(seed: random).yaml(), terminator: "")
            return
        }
        if let scenario {
            print(try Scenario.find(scenario).annotatedYAML(), terminator: "")
            return
        }
        for city in Scenario.all {
            func span(_ value: Scenario.Interval) -> String { "\(value.low)-\(value.high)" }
            print(
                """
                \(city.name): \(Int(city.side)) x \(Int(city.side)) km, \(city.hotSpots.count) hot spots, tasks released over \
                \(Int(city.horizon)) min
                  workload \(span(city.workload)) worker-min, full pay within \(span(city.expected)) min, deadline \
                \(span(city.grace)) min later, pay \(span(city.pay))
                  \(city.skills) skills, a worker has \(city.fewestSkills) to \(city.mostSkills); speed \
                \(span(city.speed)) km/h, reach \(city.reach) km, shifts of \(span(city.shiftLength)) min

                """)
        }
        print("Print one in full with `cafe-cli scenarios NAME`; evaluate and train take a FILE.yaml as --scenario.")
    }
}
