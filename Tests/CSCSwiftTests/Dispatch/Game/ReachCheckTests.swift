import CSCSwift
import Testing

@Suite struct ReachCheckTests {
    @Test("speeds that are km/h or km/min by mistake, and nobody in reach, are said; a city as it is meant is not")
    func warnings() throws {
        func warnings(_ change: (inout Scenario) -> Void) -> [String] {
            var city = Scenario.chengdu
            change(&city)
            return ReachCheck(
                city.instance(tasks: 60, workers: 20, seed: 1, episode: EpisodeRange.evaluation[0])
            ).warnings
        }
        #expect(warnings { _ in }.isEmpty)
        let (low, high) = (Scenario.chengdu.speed.low, Scenario.chengdu.speed.high)
        #expect(warnings { $0.speed = .init(low * 60, high * 60) }.contains { $0.contains("are speeds km/h?") })
        #expect(warnings { $0.speed = .init(low / 60, high / 60) }.contains { $0.contains("are speeds km/min?") })
        #expect(warnings { $0.reach = 1e-6 }.contains { $0.contains("no worker can reach any task") })
    }
}
